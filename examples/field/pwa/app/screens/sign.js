// The customer's signature: a name, and a drawing where there can be one.
import { h, icon, kept } from './dom.js';
import { t } from './say.js';
import { who } from './visit.js';

export function sign(app, id) {
  let pad, name, saving = false, nameless = false;
  return {
    leave: () => pad?.end(),
    async view() {
      const v = await app.deps.visits.get(id);
      const back = { to: 'visit/' + id, name: v && who(v) };
      if (!v) return { title: t('visit'), back: { to: '', name: t('tab.today') }, body: h('p', { class: 'none' }, t('visit.none')) };
      if (v.status === 'Done') return { title: t('visit.sign'), back, body: h('div', { class: 'card none' }, icon('sign', 'large'), h('p', null, v.receiver ? t('signed.by', { name: v.receiver }) : t('signed.not'))) };
      name ??= v.receiver || '';
      pad ||= drawing(() => app.draw());
      return {
        title: t('visit.sign'), back,
        body: [
          h('p', { class: 'quiet' }, t('sign.text', { customer: who(v), subject: v.subject })),
          h('div', { class: 'paper' }, kept(pad.node), pad.empty() && h('p', { class: 'hint', 'aria-hidden': 'true' }, t('sign.here')),
            !pad.empty() && h('button', { type: 'button', class: 'slim', onclick: () => pad.clear() }, t('sign.clear'))),
          h('p', { class: 'small quiet' }, t('sign.without')),
        ],
        acts: h('form', { novalidate: true, onsubmit: save },
          h('label', null, h('span', null, t('sign.name')), h('input', { id: 'receiver', name: 'receiver', required: true, maxlength: 254, autocomplete: 'off', 'aria-invalid': String(nameless), 'aria-describedby': 'wrong', value: name, oninput: e => { name = e.target.value; } })),
          h('p', { id: 'wrong', class: 'fault', role: 'alert' }, nameless && t('sign.noname')),
          h('button', { class: 'primary big', disabled: saving }, t('sign.save'))),
      };
    },
  };

  async function save(e) {
    e.preventDefault();
    if (saving) return; // a second press is no second signature
    nameless = !name.trim();
    if (nameless) { await app.draw(); document.getElementById('receiver').focus(); return; }
    saving = true;
    const done = await app.do(async () => {
      let upload = '';
      if (!pad.empty()) upload = (await app.deps.queue.add('file.attach', id, { name: 'signature.png', purpose: 'signature' }, { file: await pad.png() })).id;
      await app.deps.queue.add('sign', id, { name: name.trim(), upload });
      return true;
    }, t('kept'));
    saving = false;
    if (done) app.go('visit/' + id);
  }
}

// A sheet of paper for finger, pen and mouse. Points are kept as parts of the width, so
// that turning the phone loses nothing.
function drawing(changed) {
  const canvas = h('canvas', { class: 'pad', role: 'img', 'aria-label': t('sign.pad'), own: true, onpointerdown: down, onpointermove: move, onpointerup: up, onpointercancel: up });
  let strokes = [], stroke;
  const watch = new ResizeObserver(paint);
  watch.observe(canvas);

  const at = e => { const box = canvas.getBoundingClientRect(); return [(e.clientX - box.left) / box.width, (e.clientY - box.top) / box.width]; };
  function down(e) {
    canvas.setPointerCapture(e.pointerId);
    strokes.push(stroke = [at(e)]);
    paint();
    if (strokes.length === 1) changed();
  }
  function move(e) {
    if (!stroke) return;
    const parts = e.getCoalescedEvents?.() ?? []; // none where the browser has put none together
    stroke.push(...(parts.length ? parts : [e]).map(at));
    paint();
  }
  function up() { stroke = null; }

  function paint() {
    const { width, height } = canvas.getBoundingClientRect(), scale = devicePixelRatio || 1;
    if (!width) return;
    canvas.width = width * scale;
    canvas.height = height * scale;
    ink(canvas.getContext('2d'), canvas.width, canvas.height);
  }

  function ink(pen, width, height) {
    pen.fillStyle = '#fff'; // paper is white in the dark, too
    pen.fillRect(0, 0, width, height);
    pen.strokeStyle = '#1b2233';
    pen.lineWidth = width / 150;
    pen.lineCap = pen.lineJoin = 'round';
    for (const points of strokes) {
      const [x, y] = points[0].map(p => p * width);
      pen.beginPath();
      pen.moveTo(x, y);
      pen.lineTo(x + .1, y);
      for (let i = 1; i < points.length; i++) {
        const [a, b] = points[i - 1], [c, d] = points[i];
        pen.quadraticCurveTo(a * width, b * width, (a + c) / 2 * width, (b + d) / 2 * width);
      }
      pen.stroke();
    }
  }

  return {
    node: canvas,
    empty: () => !strokes.length,
    clear() { strokes = []; paint(); changed(); },
    end: () => watch.disconnect(),
    /** The drawing as PNG of 1,200 pixels' width, whatever the screen is. */
    png() {
      const box = canvas.getBoundingClientRect(), out = document.createElement('canvas');
      out.width = 1200;
      out.height = Math.round(1200 * box.height / box.width);
      ink(out.getContext('2d'), out.width, out.height);
      return new Promise((resolve, reject) => out.toBlob(b => b ? resolve(b) : reject(new Error(t('sign.failed'))), 'image/png'));
    },
  };
}
