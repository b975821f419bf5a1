// The office's part: reports of days. Who is not of the office is not shown it.
import { h } from './dom.js';
import { t, refusal, count, shortDay, time } from './say.js';

const shown = 7, patience = 60, saves = { pdf: 'PDF', csv: 'CSV' };
const pause = () => new Promise(done => setTimeout(done, 1000));

export function reports(app) {
  const { auth } = app.deps;
  let list = null, making = false, left = false;

  async function load() {
    const answer = await auth.fetchApi('reports');
    list = answer.ok ? await answer.json() : null;
    app.draw();
  }

  async function good(answer) {
    if (answer.ok) return answer;
    throw new Error(refusal(await answer.json().catch(() => ({}))) || String(answer.status));
  }

  // Asks for today's report, and looks until it is there.
  async function make() {
    making = true;
    app.draw();
    try {
      const before = JSON.stringify(list?.map(r => r.made_at));
      await good(await auth.fetchApi('reports', { method: 'POST', body: '{}', headers: { 'Content-Type': 'application/json' } }));
      for (let i = 0; i < patience && !left; i++) {
        await load();
        if (JSON.stringify(list?.map(r => r.made_at)) !== before) return;
        await pause();
      }
      if (!left) throw new Error(t('reports.late'));
    } finally {
      making = false;
      app.draw();
    }
  }

  async function save(day, format) {
    const file = await (await good(await auth.fetchApi(`reports/${day}.${format}`))).blob();
    const address = URL.createObjectURL(file);
    h('a', { href: address, download: `visits-${day}.${format}` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60e3);
  }

  return {
    load,
    leave() { left = true; },
    view() {
      return list && h('section', { class: 'card' }, h('h2', null, t('reports')),
        list.length ? h('ul', { class: 'plain' }, list.slice(0, shown).map(r => h('li', { key: r.day },
          h('span', null, h('strong', null, shortDay(r.day)), h('span', { class: 'small quiet' }, [count('reports.visits', r.visits), t('reports.done', { n: r.done }), r.refused > 0 && t('reports.refused', { n: r.refused }), t('reports.made', { time: time(r.made_at) })].filter(Boolean).join(' · '))),
          h('span', { class: 'saves' }, Object.entries(saves).map(([format, name]) => h('button', { type: 'button', class: 'slim', 'aria-label': `${name}: ${shortDay(r.day)}`, onclick: () => app.do(() => save(r.day, format)) }, name))))))
          : h('p', { class: 'small quiet' }, t('reports.none')),
        h('button', { type: 'button', disabled: making, onclick: () => app.do(make, t('reports.ready')) }, t(making ? 'reports.making' : 'reports.run')));
    },
  };
}
