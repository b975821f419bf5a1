// This phone: who is signed in, what it keeps, its language, its version; the person's other
// devices, and for the office everybody's.
import { h, icon, sheet } from './dom.js';
import { t, refusal, count, bytes, ago } from './say.js';
import { cancel } from './visit.js';
import { languagePick } from './signin.js';
import { reports } from './reports.js';

export function device(app) {
  let listed = [], asked = false;
  const { auth, device, queue } = app.deps, office = reports(app);

  async function load() {
    const answer = await auth.fetchApi('devices');
    if (answer.ok) listed = await answer.json();
    app.draw();
  }

  async function wipe(d) {
    const sure = await sheet(t('wipe.ask', { name: called(d) }), close => h('div', null, h('p', null, t('wipe.text')), d.waiting > 0 && h('p', { class: 'fault' }, count('wipe.waiting', d.waiting)),
      h('div', { class: 'pair' }, cancel(close), h('button', { type: 'button', class: 'danger', onclick: () => close(true) }, t('wipe')))));
    if (!sure) return;
    await app.do(async () => {
      const answer = await auth.fetchApi(`devices/${d.id}/wipe`, { method: 'POST' });
      if (!answer.ok) throw new Error(refusal(await answer.json().catch(() => ({}))) || String(answer.status));
      await load();
    }, t('wipe.done'));
  }

  async function signOut() {
    const out = await app.do(() => auth.signOut({}));
    if (!out?.waiting) return;
    const sum = await queue.summary();
    const sure = await sheet(t('signout.ask'), close => h('div', null, h('p', null, count('signout.waiting', out.waiting)), h('p', { class: 'fault' }, t('signout.lost', { size: bytes(sum.bytes || 0) })),
      h('div', { class: 'stack' }, h('button', { type: 'button', class: 'primary', onclick: () => close('queue') }, t('signout.send')),
        h('button', { type: 'button', class: 'danger', onclick: () => close('force') }, t('signout.force')), cancel(close))));
    if (sure === 'queue') app.go('queue');
    if (sure === 'force') await app.do(() => auth.signOut({ force: true }));
  }

  const own = d => d.user.id === app.session.id;
  const called = d => own(d) ? d.name : `${d.user.name}, ${d.name}`;

  const devices = (title, list) => list.length > 0 && h('section', { class: 'card', key: title }, h('h2', null, t(title)),
    h('ul', { class: 'plain' }, list.map(d => h('li', { key: `${d.user.id} ${d.id}` }, h('span', null, h('strong', null, called(d)), h('span', { class: 'small quiet' }, [t('device.seen', { ago: ago(d.last_seen) }), d.waiting > 0 && count('waiting', d.waiting)].filter(Boolean).join(' · '))),
      d.wipe_asked_at ? h('span', { class: 'chip refused' }, t('wipe.asked')) : h('button', { type: 'button', class: 'slim danger', 'aria-label': `${t('wipe')}: ${called(d)}`, onclick: () => wipe(d) }, t('wipe'))))));

  return {
    leave: office.leave,
    async view() {
      const info = await device.info();
      if (!asked && app.online && !app.session.expired) { asked = true; load().catch(() => {}); office.load().catch(() => {}); }
      const part = info.quota ? Math.round(info.used / info.quota * 100) : 0;
      return {
        title: t('tab.device'),
        body: [
          h('section', { class: 'card who' }, h('span', { class: 'face', 'aria-hidden': 'true' }, initials(app.session.name)), h('div', null, h('h2', null, app.session.name), h('p', { class: 'small quiet' }, t(app.session.expired ? 'device.expired' : 'device.signedin', { login: app.session.login })))),
          h('section', { class: 'card' }, h('h2', null, t('device.storage')),
            h('progress', { max: info.quota || 1, value: info.used || 0, 'aria-label': t('device.storage') }),
            h('p', { class: 'small' }, t('device.used', { used: bytes(info.used || 0), quota: bytes(info.quota || 0), part })),
            info.persisted ? h('p', { class: 'with good' }, icon('check'), t('device.persisted'))
              : [h('p', { class: 'small quiet' }, t('device.notpersisted')), h('button', { type: 'button', onclick: () => app.do(() => device.persist()) }, t('device.persist'))]),
          h('section', { class: 'card' }, h('h2', null, t('device.app')), languagePick(app),
            h('div', { class: 'facts' }, h('p', null, h('span', { class: 'small quiet' }, t('device.version')), ' ', h('code', null, info.version || '–')),
              info.updateWaiting && h('button', { type: 'button', class: 'slim', onclick: () => app.do(() => device.applyUpdate()) }, t('update')))),
          devices('devices', listed.filter(d => d.id !== info.id && own(d))),
          devices('devices.others', listed.filter(d => !own(d))),
          office.view(),
          // Not where the thumb rests: it deletes.
          h('button', { type: 'button', id: 'signout', onclick: signOut }, t('signout')),
          h('p', { class: 'asof' }, t('device.rule')),
        ],
      };
    },
  };
}

const initials = name => (name || '?').split(/\s+/).map(w => w[0]).slice(0, 2).join('').toUpperCase();
