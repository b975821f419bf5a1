// One visit: what, where, for whom, what has been done, and what comes next.
import { h, icon, sheet } from './dom.js';
import { t, count, time, day, shortDay, daysAhead, minutes } from './say.js';
import { chip, waiting } from './today.js';

export function visit(app, id) {
  const add = (type, body, said) => app.do(() => app.deps.queue.add(type, id, body), said);
  return {
    async view() {
      const [v, items] = await Promise.all([app.deps.visits.get(id), app.deps.queue.list()]);
      if (!v) return { title: t('visit'), back: home(), body: h('div', { class: 'card none' }, h('p', null, t('visit.none'))) };
      const held = items.find(i => i.visit === id && (i.state === 'refused' || i.state === 'conflict'));
      return {
        title: who(v), back: home(),
        body: [
          held && h('a', { class: 'card hold', href: '#/queue' }, icon('warn'), h('span', null, h('strong', null, t('visit.held')), h('span', { class: 'small' }, t('visit.held.text'))), icon('next')),
          h('section', { class: 'card lead' },
            h('div', { class: 'chips' }, chip(v), waiting(v), h('span', { class: 'small quiet' }, v.number)),
            h('h2', null, v.subject),
            h('p', { class: 'with' }, icon('clock'), `${day(v.day, { weekday: 'short', day: 'numeric', month: 'short' })}, ${time(v.start)}${v.planned_minutes ? ' · ' + minutes(v.planned_minutes) : ''}`),
            v.object && h('p', { class: 'with' }, icon('service'), h('span', null, v.object.name, v.object.serial && h('span', { class: 'quiet' }, ` · ${t('serial', { serial: v.object.serial })}`))),
            h('div', { class: 'reach' },
              v.address && h('a', { class: 'button', href: place(v.address) }, icon('place'), h('span', null, h('span', { class: 'hidden' }, t('route') + ': '), v.address)),
              v.phone && h('a', { class: 'button', href: 'tel:' + v.phone.replace(/[^+\d]/g, '') }, icon('phone'), h('span', null, h('span', { class: 'hidden' }, t('call') + ': '), v.phone)))),
          h('ul', { class: 'rows' }, rows(v, id).map(([name, to, text, done]) => h('li', null, h('a', { href: `#/visit/${id}/${to}` }, icon(name, done ? 'did' : ''), h('span', null, h('strong', null, t('visit.' + name)), h('span', { class: 'small quiet' }, text)), icon('next')))),
            noteRow(v)),
          history(v),
        ],
        acts: next(v),
      };
    },
  };

  function noteRow(v) {
    const done = v.status === 'Done';
    if (done && !v.notes) return null;
    const inside = [icon('note', v.notes ? 'did' : ''), h('span', null, h('strong', null, t('visit.note')), h('span', { class: 'small quiet notes' }, v.notes || t('visit.note.none')))];
    return h('li', { key: 'note' }, done ? h('div', null, inside) : h('button', { type: 'button', onclick: () => note(v) }, inside, icon('next')));
  }

  async function note(v) {
    const text = await sheet(t('visit.note'), close => h('form', { onsubmit: e => { e.preventDefault(); close(e.target.elements.text.value.trim()); } },
      h('label', null, h('span', null, t('visit.note.label')), h('textarea', { name: 'text', rows: 6, maxlength: 4000, value: v.notes || '' })),
      h('div', { class: 'pair' }, cancel(close), h('button', { class: 'primary' }, t('save')))));
    if (text !== undefined && text !== (v.notes || '')) add('note', { text }, t('kept'));
  }

  function next(v) {
    if (v.status === 'Done') return v.state === 'FirmPlanned' && h('button', { type: 'button', onclick: reopen }, t('visit.reopen'));
    if (Math.abs(daysAhead(v.day)) > 1) return h('p', { class: 'quiet small' }, t('visit.notnow', { day: day(v.day) }));
    if (v.status === 'Working') return h('button', { type: 'button', class: 'service big', onclick: () => finish(v) }, icon('check'), t('visit.finish'));
    return h('button', { type: 'button', class: 'primary big', onclick: () => add('visit.start', {}, t('visit.started')) }, t('visit.start'));
  }

  async function finish(v) {
    const sure = await sheet(t('visit.finish.ask'), close => h('div', null,
      h('ul', { class: 'sum' }, rows(v, id).map(([name, , text, done]) => h('li', { class: done ? '' : 'quiet' }, icon(done ? 'check' : 'minus'), `${t('visit.' + name)}: ${text}`))),
      !v.receiver && h('p', { class: 'fault' }, t('visit.finish.unsigned')),
      h('p', { class: 'small quiet' }, t('visit.finish.text')),
      h('div', { class: 'pair' }, cancel(close), h('button', { type: 'button', class: 'service', onclick: () => close(true) }, t('visit.finish.yes')))));
    if (sure) add('finish', {}, t('visit.finished'));
  }

  async function reopen() {
    const reason = await sheet(t('visit.reopen'), close => h('form', { novalidate: true, onsubmit: e => {
      e.preventDefault();
      const field = e.target.elements.reason;
      field.setAttribute('aria-invalid', String(!field.value.trim()));
      if (field.value.trim()) close(field.value.trim()); else field.focus();
    } },
      h('label', null, h('span', null, t('visit.reopen.reason')), h('input', { name: 'reason', required: true, maxlength: 254, autocomplete: 'off' })),
      h('div', { class: 'pair' }, cancel(close), h('button', { class: 'primary' }, t('visit.reopen')))));
    if (reason) add('reopen', { reason }, t('kept'));
  }
}

/** Who is visited. */
export const who = v => v.customer?.name || v.subject || v.number;

export const home = () => ({ to: '', name: t('tab.today') });

/** The button that puts a sheet away. */
export const cancel = close => h('button', { type: 'button', onclick: () => close() }, t('cancel'));

/** Pictures of a visit that people took: no thumbnails, no signature. */
export const pictures = v => (v.files || []).filter(f => !/thumbnail|signature/.test(f.purpose || ''));

/** Whether a file is on its way, in the middle of it. */
export const underWay = item => (item.state === 'waiting' || item.state === 'sending') && item.sent > 0 && item.sent < item.bytes;

// What belongs to a visit: icon, address, what there is of it, and whether there is any.
function rows(v) {
  const services = v.services?.length || 0, materials = v.materials?.length || 0, shots = pictures(v).length;
  return [
    ['service', 'services', services ? list(v.services.map(s => s.service.name)) : t('none'), services > 0],
    ['material', 'materials', materials ? list(v.materials.map(m => m.product.name)) : t('none'), materials > 0],
    ['photos', 'photos', shots ? count('photos', shots) : t('none'), shots > 0],
    ['sign', 'sign', v.receiver ? t('signed.by', { name: v.receiver }) : t('signed.not'), Boolean(v.receiver)],
  ];
}

const list = names => names.length > 2 ? t('and.more', { names: names.slice(0, 2).join(', '), n: names.length - 2 }) : names.join(', ');

// A phone's own map takes it: no address of a service of others.
const place = address => (/iPhone|iPad/.test(navigator.userAgent) ? 'maps:?q=' : 'geo:0,0?q=') + encodeURIComponent(address);

function history(v) {
  if (!v.history?.length) return null;
  return h('details', { class: 'card fold' }, h('summary', null, icon('history'), h('span', null, count('history', v.history.length)), icon('next', 'turn')),
    h('ol', null, v.history.map(p => h('li', null, h('span', { class: 'small quiet' }, `${shortDay(p.day)} · ${p.number}`), h('strong', null, p.subject), p.notes && h('p', { class: 'small' }, p.notes)))));
}
