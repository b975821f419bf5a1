// Photos of a visit: taken or chosen, and how far each has come.
import { h, icon, sheet, notice } from './dom.js';
import { t, bytes, dayOf } from './say.js';
import { pictures, underWay, who } from './visit.js';

export function photos(app, id) {
  const urls = new Map(); // command id → address of the kept picture
  let making = 0;

  async function previews(items) {
    for (const item of items) {
      if (urls.has(item.id)) continue;
      const blob = await app.deps.queue.blob(item.id);
      if (blob) urls.set(item.id, URL.createObjectURL(blob));
    }
  }

  async function take(e) {
    const chosen = [...e.target.files];
    e.target.value = '';
    making += chosen.length;
    app.draw();
    for (const file of chosen) {
      try {
        const blob = await app.deps.photos.prepare(file);
        await app.deps.queue.add('file.attach', id, { name: name(), purpose: 'photo' }, { file: blob });
      } catch (error) {
        console.error(error);
        notice(t('photo.wrong', { name: file.name, why: error.message || error }), true);
      }
      making--;
      app.draw();
    }
  }

  // Our own name: a camera's may tell more than it should.
  let taken = 0;
  const name = () => `photo-${dayOf()}-${Date.now().toString(36)}-${++taken}.jpg`;

  return {
    leave: () => urls.forEach(url => URL.revokeObjectURL(url)),
    async view() {
      const [v, all] = await Promise.all([app.deps.visits.get(id), app.deps.queue.list()]);
      if (!v) return { title: t('visit'), back: { to: '', name: t('tab.today') }, body: h('p', { class: 'none' }, t('visit.none')) };
      const items = all.filter(i => i.visit === id && i.type === 'file.attach' && i.body.purpose === 'photo');
      await previews(items);
      const known = pictures(v).map(f => ({ ...f, item: items.find(i => i.id === f.id || i.id === f.external_id) }));
      const more = items.filter(i => i.state !== 'done' && !known.some(f => f.item === i)).map(i => ({ id: i.id, name: i.body.name, bytes: i.bytes, item: i }));
      const files = [...known, ...more];
      return {
        title: t('visit.photos'), back: { to: 'visit/' + id, name: who(v) },
        body: [
          files.length || making ? h('ul', { class: 'photos' }, files.map(tile), Array.from({ length: making }, (_, n) => h('li', { key: 'making' + n, class: 'making' }, h('p', { class: 'small' }, t('photo.making')))))
            : h('div', { class: 'card none' }, icon('photos', 'large'), h('p', null, t('photos.none')), h('p', { class: 'small quiet' }, t('photos.text'))),
        ],
        acts: v.status !== 'Done' && h('div', { class: 'pair' },
          pick(t('photo.choose'), 'photos', '', { multiple: true }), pick(t('photo.take'), 'camera', 'primary', { capture: 'environment' })),
      };
    },
  };

  function pick(text, picture, cls, extra) {
    return h('label', { class: 'button ' + cls }, icon(picture), text, h('input', { class: 'hidden', type: 'file', accept: 'image/*', ...extra, onchange: take }));
  }

  function tile(f, n) {
    const url = f.item && urls.get(f.item.id), state = f.item?.state || 'done';
    const label = `${t('photo.n', { n: n + 1 })}, ${t('state.' + state)}`;
    const under = state === 'done' ? [icon('check'), t('state.done')]
      : f.item && underWay(f.item) ? [h('progress', { max: f.item.bytes, value: f.item.sent, 'aria-label': label }), t('photo.sent', { sent: bytes(f.item.sent), of: bytes(f.item.bytes) })]
      : [icon(state === 'refused' || state === 'conflict' ? 'warn' : 'queue'), t('state.' + state)];
    return h('li', { key: f.id, class: state }, url
      ? h('button', { type: 'button', class: 'shot', 'aria-label': label, onclick: () => sheet(t('photo.n', { n: n + 1 }), close => h('div', null, h('img', { src: url, alt: label }), h('button', { type: 'button', onclick: () => close() }, t('close')))) }, h('img', { src: url, alt: '' }))
      : h('div', { class: 'shot' }, icon('photos', 'large'), h('span', { class: 'small quiet' }, f.name)),
    h('p', { class: 'small' }, under));
  }
}
