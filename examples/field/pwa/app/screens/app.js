// The frame of the app: which screen is shown, what stands around it, and the banners.
import { h, patch, icon, notice } from './dom.js';
import { t, count, maybe, speak } from './say.js';
import { today } from './today.js';
import { visit } from './visit.js';
import { lines } from './lines.js';
import { photos } from './photos.js';
import { sign } from './sign.js';
import { queue } from './queue.js';
import { device } from './device.js';
import { signIn } from './signin.js';

const routes = [
  [/^$/, today, 'today'],
  [/^visit\/([^/]+)$/, visit, 'today'],
  [/^visit\/([^/]+)\/(services|materials)$/, lines, 'today'],
  [/^visit\/([^/]+)\/photos$/, photos, 'today'],
  [/^visit\/([^/]+)\/sign$/, sign, 'today'],
  [/^queue$/, queue, 'queue'],
  [/^device$/, device, 'device'],
];

/**
 * Shows the app inside root. Deps are the modules auth, queue, visits, reminders, device and photos.
 * A screen is a function of (app, …parts of its address) that answers {view, leave?}.
 * view answers {title, back?, aside?, body, acts?} and is asked again after each change.
 */
export async function start(root, deps) {
  await speak();
  const app = { deps, draw, do: attempt, go: address => { location.hash = '#/' + address; } };
  const places = new Map(); // how far down each screen was
  let at, drawing, again = false;

  async function open(first) {
    if (at) places.set(at.address, scrollY);
    at?.screen.leave?.();
    let address = location.hash.replace(/^#?\/?/, '');
    let [pattern, make, tab] = routes.find(r => r[0].test(address)) || (address = '', routes[0]);
    const deeper = address.startsWith(at?.address ?? ' ');
    at = { tab, address, screen: make(app, ...address.match(pattern).slice(1)) };
    await draw();
    scrollTo(0, deeper ? 0 : places.get(address) || 0);
    if (!first) document.getElementById('title')?.focus({ preventScroll: true });
  }

  // One drawing at a time; what changes meanwhile is in the next one. Who asks for one waits
  // until it is on the screen, whoever began it.
  function draw() {
    again = true;
    return drawing ??= drawn();
  }

  async function drawn() {
    try {
      while (again) {
        again = false;
        const now = at, tree = await frame(now);
        if (now !== at) again = true;
        else if (root.firstElementChild) patch(root.firstElementChild, tree);
        else root.append(tree);
      }
    } finally { drawing = undefined; }
  }

  async function frame({ tab, address, screen }) {
    const [session, sum, info] = await Promise.all([deps.auth.session(), deps.queue.summary(), deps.device.info()]);
    app.session = session;
    app.online = sum.online;
    const page = await (session ? screen : signIn(app)).view().catch(problem);
    document.title = `${page.title} · ${t('app')}`;
    return h('div', { class: session ? 'frame' : 'frame out', 'data-at': address },
      h('a', { class: 'skip', href: '#main', onclick: skip }, t('skip')),
      session && h('header', null,
        h('div', { class: 'bar' },
          page.back && h('a', { class: 'round', href: '#/' + page.back.to, 'aria-label': t('back', { to: page.back.name }) }, icon('back')),
          h('h1', { id: 'title', tabindex: -1, key: tab }, page.title), page.aside),
        h('div', { role: 'status', class: 'banners' }, banner(app, session, sum, info))),
      h('main', { id: 'main', tabindex: -1, key: page.title }, page.body, page.acts && h('div', { class: 'acts' }, page.acts)),
      session && tabs(tab, sum));
  }

  function problem(error) {
    console.error(error);
    return { title: t('problem.title'), body: h('div', { class: 'none' }, h('p', null, t('problem.text')), h('p', { class: 'quiet small' }, String(error.message || error))),
      acts: h('button', { type: 'button', class: 'primary', onclick: draw }, t('again')) };
  }

  // Does what the person asked for, and says how it went.
  async function attempt(deed, said) {
    try {
      const out = await deed();
      if (said) notice(said);
      return out;
    } catch (error) {
      console.error(error);
      notice(maybe('error.' + (networkless(error) ? 'network' : error.name), t('error.any', { why: error.message || error })), true);
    } finally { draw(); }
  }

  addEventListener('hashchange', () => open());
  for (const part of Object.values(deps)) part.on?.('change', draw);
  // Times on the screen grow old by themselves.
  setInterval(() => { if (!document.hidden) draw(); }, 60e3);
  document.addEventListener('visibilitychange', () => { if (!document.hidden) draw(); });
  history.scrollRestoration = 'manual';
  await open(true);
  return app;
}

const networkless = e => e.name === 'TimeoutError' || !navigator.onLine || /fetch|network|load failed/i.test(e.message);

function skip(e) {
  e.preventDefault(); // the address is the screen's
  document.getElementById('main').focus();
}

// One banner at a time: what keeps the work from arriving comes first.
function banner({ deps, do: attempt }, session, sum, info) {
  const waits = sum.commands + sum.files;
  if (session.expired) {
    return h('div', { class: 'banner warn' }, icon('lock'), h('p', null, waits ? count('banner.signin', waits) : t('banner.signin.none')),
      h('button', { type: 'button', class: 'slim primary', onclick: () => attempt(() => deps.auth.signIn()) }, t('signin')));
  }
  if (!sum.online) return h('div', { class: 'banner' }, icon('offline'), h('p', null, waits ? count('banner.offline', waits) : t('banner.offline.none')));
  if (info.updateWaiting) {
    return h('div', { class: 'banner' }, icon('refresh'), h('p', null, t(waits ? 'banner.update.later' : 'banner.update')),
      !waits && h('button', { type: 'button', class: 'slim', onclick: () => attempt(() => deps.device.applyUpdate()) }, t('update')));
  }
  return null;
}

function tabs(current, sum) {
  const waits = sum.commands + sum.files;
  const tab = (name, to, extra) => h('a', { href: '#/' + to, 'aria-current': name === current ? 'page' : null }, h('span', { class: 'tab' }, icon(name)), h('span', null, t('tab.' + name)), extra);
  return h('nav', { 'aria-label': t('tabs') },
    tab('today', ''),
    tab('queue', 'queue', waits > 0 && h('span', { class: 'badge' }, h('span', { 'aria-hidden': 'true' }, waits > 99 ? '99+' : String(waits)), h('span', { class: 'hidden' }, `, ${count('badge', waits)}`))),
    tab('device', 'device'));
}
