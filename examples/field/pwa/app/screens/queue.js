// What waits on the phone, why, and what the person may do about it.
import { h, icon } from './dom.js';
import { t, maybe, refusal, count, bytes, time, quantity, ago } from './say.js';
import { underWay, who } from './visit.js';

const undecided = new Set(['refused', 'conflict']);

export function queue(app) {
  let trying = false;
  async function tryNow() {
    trying = true;
    app.draw();
    await app.do(() => app.deps.queue.drain());
    trying = false;
    app.draw();
  }
  return {
    async view() {
      const { queue, visits } = app.deps;
      const [items, sum, { visits: all }, catalogue] = await Promise.all([queue.list(), queue.summary(), visits.all(), visits.catalogue()]);
      const names = new Map([...catalogue?.services || [], ...catalogue?.products || []].map(e => [e.id, e.name]));
      const of = new Map(all.map(v => [v.id, v]));
      const group = (title, list) => list.length > 0 && h('section', { key: title, class: 'day' }, h('h2', null, title), h('ul', { class: 'items' }, list.map(i => entry(i, of.get(i.visit), names))));
      const waits = items.filter(i => i.state !== 'done');
      return {
        title: t('tab.queue'),
        body: [
          h('section', { class: 'card lead', 'aria-label': t('queue.summary') }, summary(sum, waits)),
          group(t('queue.decide'), waits.filter(i => undecided.has(i.state))),
          group(t('queue.waiting'), waits.filter(i => !undecided.has(i.state))),
          sent(items.filter(i => i.state === 'done').slice(-10).reverse(), of, names),
        ],
        acts: waits.length > 0 && (app.session.expired
          ? h('button', { type: 'button', class: 'primary big', onclick: () => app.do(() => app.deps.auth.signIn()) }, t('signin'))
          : h('button', { type: 'button', class: 'primary big', disabled: trying, onclick: tryNow }, icon('refresh'), t('queue.try'))),
      };
    },
  };

  function entry(item, visit, names) {
    const { queue } = app.deps;
    const press = (text, deed, cls = '') => h('button', { type: 'button', class: cls, onclick: () => app.do(() => deed(item.id)) }, text);
    return h('li', { key: item.id, class: 'card ' + item.state },
      h('div', { class: 'top' }, icon(icons[item.type] || 'queue'), h('span', null, h('strong', null, what(item, names)), visit && h('span', { class: 'small quiet' }, who(visit)),
        h('span', { class: 'chips' }, h('span', { class: 'chip ' + item.state }, t('state.' + item.state)), h('span', { class: 'small quiet' }, time(item.at))))),
      underWay(item) && h('div', null, h('progress', { max: item.bytes, value: item.sent, 'aria-label': what(item, names) }), h('p', { class: 'small quiet' }, t('photo.sent', { sent: bytes(item.sent), of: bytes(item.bytes) }))),
      reason(item) && h('p', { class: undecided.has(item.state) ? 'why' : 'small quiet' }, reason(item)),
      item.state === 'conflict' && item.office && versions(item, names),
      undecided.has(item.state) && h('div', { class: 'pair' }, press(t('queue.office'), queue.takeOffice),
        item.state === 'conflict' ? press(t('queue.mine'), queue.mineWins, 'primary') : !gone(item) && !lost(item) && press(t('again'), queue.retry, 'primary')));
  }
}

// What is done takes no more room than it needs.
const sent = (list, of, names) => list.length > 0 && h('section', { key: 'sent', class: 'day' }, h('h2', null, t('queue.done')),
  h('ul', { class: 'rows' }, list.map(i => h('li', { key: i.id }, h('div', null, icon(icons[i.type] || 'queue'),
    h('span', null, h('strong', null, what(i, names)), h('span', { class: 'small quiet' }, [of.has(i.visit) && who(of.get(i.visit)), time(i.at)].filter(Boolean).join(' · '))), icon('check', 'did'))))));

const icons = { 'visit.start': 'clock', note: 'note', 'service.add': 'service', 'material.add': 'material', sign: 'sign', finish: 'check', reopen: 'history', 'file.attach': 'photos' };

// The visit is another's now: nothing of ours can win.
const gone = item => item.error?.error === 'not_yours';

// Its file is not on the phone any more, as it was: to send it again would change nothing.
const lost = item => item.error?.error === 'lost';

function summary(sum, waits) {
  if (!waits.length) return [h('h2', null, icon('check'), t('queue.empty')), h('p', { class: 'small quiet' }, sum.lastTry ? t('queue.last.ok', { time: time(sum.lastTry) }) : t('queue.never'))];
  const parts = [sum.commands && count('commands', sum.commands), sum.files && count('photos.n', sum.files), sum.bytes && bytes(sum.bytes)].filter(Boolean);
  const why = !sum.online ? t('why.offline') : sum.lastError && (sum.lastError.said?.reason && refusal(sum.lastError.said) || maybe('why.' + word(sum.lastError), said(sum.lastError)));
  return [
    h('h2', null, count('queue.waits', sum.commands + sum.files)),
    h('p', null, parts.join(', ')),
    h('p', { class: 'small quiet' }, sum.lastTry ? [t('queue.last', { time: time(sum.lastTry), ago: ago(sum.lastTry) }), why && ' · ' + why] : why || t('queue.never')),
  ];
}

const word = error => error?.word || error?.error || error;
const said = error => error?.message || String(error);

/** What an item does, in words: "Add material: 2 × Oil filter". */
function what(item, names) {
  const b = item.body || {}, thing = names.get(b.service || b.product);
  if (thing) return t('type.' + item.type, { thing: `${quantity(b.quantity)} × ${thing}` });
  if (item.type === 'file.attach') return t(b.purpose === 'signature' ? 'type.drawing' : 'type.photo', { size: bytes(item.bytes || 0) });
  return t('type.' + item.type, { thing: '' });
}

function reason(item) {
  if (item.state === 'blocked') return t('why.blocked');
  if (item.state === 'accepted') return t('why.accepted');
  if (gone(item)) return t('why.not_yours', { name: item.error.responsible?.name || '?' });
  if (item.state === 'conflict') return t('why.conflict');
  if (!item.error) return '';
  const rule = !lost(item) && item.error.error !== 'unreadable' && (item.error.error === 'refused' || item.state === 'refused'); // the office's rule says why itself
  return rule && refusal(item.error) || maybe('why.' + word(item.error), said(item.error));
}

// Both values of a conflict, one beside the other.
function versions(item, names) {
  const office = item.office, b = item.body || {};
  const pair = {
    note: [office.notes, b.text],
    sign: [office.receiver, b.name],
    'service.add': [lines(office.services?.map(s => [s.quantity, s.service.name])), `${quantity(b.quantity || '0')} × ${names.get(b.service) || '?'}`],
    'material.add': [lines(office.materials?.map(m => [m.quantity, m.product.name])), `${quantity(b.quantity || '0')} × ${names.get(b.product) || '?'}`],
  }[item.type] || [t('status.' + office.status), t('type.' + item.type, { thing: '' })];
  return h('dl', { class: 'two' }, ['theirs', 'yours'].map((whose, i) => h('div', null, h('dt', null, t('queue.' + whose)), h('dd', null, pair[i] || t('none')))));
}

const lines = list => (list || []).map(([n, name]) => `${quantity(n)} × ${name}`).join(', ');
