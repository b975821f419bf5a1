// Today: what one was reminded of, the day's visits along its hours, what is left of yesterday, and the coming days.
import { h, icon } from './dom.js';
import { t, count, time, day, dayOf, daysAhead, ago } from './say.js';
import { who } from './visit.js';

export function today(app) {
  let busy = false;
  async function refresh() {
    busy = true;
    app.draw();
    await app.do(() => app.deps.visits.refresh());
    busy = false;
    app.draw();
  }
  return {
    async view() {
      const [{ asOf, visits }, reminders] = await Promise.all([app.deps.visits.all(), app.deps.reminders.unread()]);
      const sorted = visits.slice().sort((a, b) => (a.start || a.day).localeCompare(b.start || b.day));
      const now = sorted.filter(v => daysAhead(v.day) === 0);
      const left = sorted.filter(v => daysAhead(v.day) < 0 && v.status !== 'Done');
      const coming = sorted.filter(v => daysAhead(v.day) > 0);
      return {
        title: t('tab.today'),
        aside: h('button', { type: 'button', class: busy ? 'round turning' : 'round', 'aria-label': t('refresh'), 'aria-busy': String(busy), onclick: refresh }, icon('refresh')),
        body: [
          h('div', { class: 'dayhead' }, h('p', { class: 'date' }, day(dayOf())), progress(now)),
          told(reminders.filter(r => due(r, visits))),
          byDay(left).map(([d, of]) => section(`${t('today.left')} · ${day(d, { weekday: 'long', day: 'numeric', month: 'short' })}`, of, true, 'warn')),
          now.length ? timeline(now) : h('div', { class: 'card none' }, icon('check', 'large'), h('p', null, t(asOf ? 'today.none' : 'today.unknown'))),
          byDay(coming).map(([d, of]) => section(daysAhead(d) === 1 ? `${t('tomorrow')} · ${day(d, { weekday: 'long', day: 'numeric', month: 'short' })}` : day(d), of, true)),
          h('p', { class: 'asof' }, asOf ? t('asof', { time: time(asOf), ago: ago(asOf) }) : t('asof.never')),
        ],
      };
    },
  };

  function told(reminders) {
    return reminders.length > 0 && h('ul', { class: 'told', 'aria-label': t('reminders') }, reminders.map(r => h('li', { key: r.id, class: 'card' }, icon('bell'),
      r.visit ? h('a', { href: '#/visit/' + r.visit }, r.text) : h('span', null, r.text),
      h('button', { type: 'button', class: 'round', 'aria-label': t('reminders.read', { text: r.text }), onclick: () => app.do(() => app.deps.reminders.read(r.id)) }, icon('check')))));
  }
}

// Whether a reminder is of use still: it is of today, and its visit has not begun.
const due = (r, visits) => dayOf(new Date(r.at)) === dayOf() && (!r.visit || visits.some(v => v.id === r.visit && v.status === 'Scheduled'));

const byDay = visits => Object.entries(Object.groupBy ? Object.groupBy(visits, v => v.day) : visits.reduce((days, v) => ({ ...days, [v.day]: [...days[v.day] || [], v] }), {}));

// "1 of 3 done", and the same as one stroke for each visit.
function progress(visits) {
  if (!visits.length) return null;
  const done = visits.filter(v => v.status === 'Done').length;
  return h('div', { class: 'strokes' }, h('span', { class: 'row', 'aria-hidden': 'true' }, visits.map(v => h('span', { class: v.status }))),
    h('span', { class: 'small quiet' }, t('today.done', { done, all: visits.length })));
}

const section = (title, visits, short, cls = '') => h('section', { class: 'day ' + cls, key: title }, h('h2', null, title), timeline(visits, short));

function timeline(visits, short) {
  const next = visits.find(v => v.status === 'Working') || visits.find(v => v.status !== 'Done');
  return h('ol', { class: 'line' }, visits.map(v => h('li', { key: v.id, class: `${v.status} ${!short && v === next ? 'now' : ''}` },
    h('span', { class: 'hour' }, v.start ? time(v.start) : '–'), h('span', { class: 'dot', 'aria-hidden': 'true' }, v.status === 'Done' && icon('check')),
    h('a', { class: 'card', href: '#/visit/' + v.id },
      h('span', { class: 'what' }, h('strong', null, who(v)), h('span', null, v.subject)),
      !short && v.address && h('span', { class: 'with' }, icon('place'), v.address),
      h('span', { class: 'chips' }, chip(v), waiting(v))))));
}

/** The status of a visit as a word on a colour. */
export const chip = v => h('span', { class: 'chip ' + v.status }, t('status.' + v.status));

/** What of a visit has not left the phone. */
export const waiting = v => v.pending > 0 || v.pending === true ? h('span', { class: 'chip wait' }, icon('queue'), v.pending === true ? t('waits') : count('waiting', v.pending)) : null;
