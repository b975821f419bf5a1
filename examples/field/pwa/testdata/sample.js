// The screens with sample data in place of the engine: only the tests serve this page.
import { start } from '/screens/app.js';

window.violations = [];
document.addEventListener('securitypolicyviolation', e => window.violations.push(`${e.violatedDirective} ${e.blockedURI} ${e.sample}`));

const at = (days, hour, minute = 0) => { const d = new Date(); d.setDate(d.getDate() + days); d.setHours(hour, minute, 0, 0); return d; };
const dayOf = d => `${d.getFullYear()}-${String(d.getMonth() + 1).padStart(2, '0')}-${String(d.getDate()).padStart(2, '0')}`;
const listeners = [];
const changed = () => listeners.forEach(fn => fn());
const on = (_, fn) => listeners.push(fn);

const catalogue = {
  services: [
    { id: 's1', code: 'INSP-01', name: 'Yearly inspection of a rope winch', unit: 'pc' }, { id: 's2', code: 'LUB-02', name: 'Lubrication', unit: 'pc' },
    { id: 's3', code: 'ÖL-03', name: 'Ölwechsel am Getriebe', unit: 'h' }, { id: 's4', code: 'TRV-04', name: 'Travel time', unit: 'h' }, { id: 's5', code: 'REP-05', name: 'Ремонт на хидравлична помпа', unit: 'h' },
  ],
  products: Array.from({ length: 60 }, (_, i) => ({ id: 'p' + i, code: `10-${String(1000 + i)}`, name: ['Steel rope 8 mm', 'Oil filter', 'Shackle, galvanised', 'Brake lining', 'Hydraulic hose'][i % 5] + (i > 4 ? ' ' + i : ''), unit: i % 5 ? 'pc' : 'm' })),
};
const visit = (id, d, hour, minutes, status, customer, subject, more = {}) => ({
  id, version: 3, number: 'SA-00' + (140 + Number(id.slice(1))), subject, status, state: 'FirmPlanned', day: dayOf(at(d, hour)), start: at(d, hour).toISOString(), end: at(d, hour + 1).toISOString(), planned_minutes: minutes,
  customer: { id: 'c' + id, name: customer }, object: { id: 'o' + id, name: 'Rope winch RW 400', serial: 'RW4-20417-B' }, address: 'Talstraße 14, 6020 Innsbruck', phone: '+43 512 998 877', notes: '', receiver: '',
  services: [], materials: [], files: [], history: [], responsible: { id: 'tom', name: 'Tom Berger' }, ...more,
});
const visits = [
  visit('v0', -1, 15, 60, 'Working', 'Bergbahn Hochtal AG', 'Brake adjusted, one part ordered'),
  visit('v1', 0, 8, 90, 'Done', 'Gipfel & Faden Lechner GmbH', 'Yearly inspection', { state: 'Completed', receiver: 'F. Lechner', services: [{ id: 'a', service: { id: 's1', name: 'Yearly inspection of a rope winch' }, quantity: '1.00', notes: '' }] }),
  visit('v2', 0, 10, 120, 'Working', 'Alpenverein Sektion Unterinntal, Hüttenbetriebe und Materialseilbahnen', 'The winch stops under load, and the brake smells', {
    notes: 'Key at the neighbour’s.\nDog is friendly.', pending: 3,
    services: [{ id: 'a', service: { id: 's2', name: 'Lubrication' }, quantity: '1.00', notes: 'all bearings' }, { id: 'b', service: { id: 's4', name: 'Travel time' }, quantity: '1.50', notes: '', pending: true }],
    materials: [{ id: 'c', product: { id: 'p0', name: 'Steel rope 8 mm' }, quantity: '12.500', unit: 'm' }, { id: 'd', product: { id: 'p1', name: 'Oil filter' }, quantity: '2.000', unit: 'pc', pending: true }, { id: 'e', product: { id: 'p2', name: 'Shackle, galvanised' }, quantity: '4.000', unit: 'pc' }],
    files: [{ id: 'f1', name: 'photo-1.jpg', media_type: 'image/jpeg', bytes: 340000, purpose: 'photo', external_id: 'q0' }],
    history: [1, 2, 3].map(n => ({ id: 'h' + n, number: 'SA-000' + n, day: `2026-0${n}-12`, subject: ['Brake lining replaced', 'Yearly inspection', 'Rope shortened by 2 m'][n - 1], notes: n === 1 ? 'Watch the left bearing.' : '' })),
  }),
  visit('v3', 0, 14, 45, 'Scheduled', 'Seilerei Hofer', 'Rope to be shortened'),
  visit('v4', 1, 9, 60, 'Scheduled', 'Liftgesellschaft Zugspitz', 'Quarterly service'),
  visit('v5', 3, 9, 60, 'Scheduled', 'Хижа „Мальовица“', 'Годишен преглед на лебедката'),
];
const item = (id, type, v, state, body, more = {}) => ({ id, seq: Number(id.slice(1)), type, visit: v, state, body, error: null, office: null, bytes: 0, sent: 0, at: at(0, 0, 5).toISOString(), ...more });
const all = [
  item('q0', 'file.attach', 'v2', 'done', { purpose: 'photo', name: 'photo-1.jpg' }, { bytes: 340000, sent: 340000 }),
  item('q1', 'material.add', 'v2', 'refused', { product: 'p1', quantity: '2' }, { error: { error: 'refused', message: 'Store Innsbruck has 1 pc of Oil filter, and 2 are asked for.' } }),
  item('q2', 'note', 'v3', 'conflict', { text: 'Rope is 3 m too long, customer agrees to pay.' }, { error: { error: 'conflict', message: '' }, office: { ...visits[3], notes: 'Call before you come.' } }),
  item('q3', 'finish', 'v4', 'refused', {}, { error: { error: 'not_yours', message: '', responsible: { id: 'n', name: 'Nina Koleva' } }, office: null }),
  item('q4', 'service.add', 'v2', 'blocked', { service: 's4', quantity: '1.5', notes: '' }),
  item('q5', 'visit.start', 'v3', 'accepted', {}),
  item('q6', 'file.attach', 'v2', 'waiting', { purpose: 'photo', name: 'photo-2.jpg' }, { bytes: 812000, sent: 340000 }),
  item('q7', 'file.attach', 'v2', 'waiting', { purpose: 'photo', name: 'photo-3.jpg' }, { bytes: 1240000 }),
];

const state = { session: { id: 'u1', name: 'Tom Berger', login: 'tom', expired: false }, online: true, update: false, persisted: false, items: all, visits, asOf: at(0, 0, 1).toISOString(), deeds: [] };
state.told = [
  { id: 'soon/v3', text: 'Visit at 14:00: Seilerei Hofer, Rope to be shortened', visit: 'v3', at: new Date().toISOString() },
  { id: 'soon/v1', text: 'Visit at 08:00: begun already', visit: 'v1', at: new Date().toISOString() },
  { id: 'day', text: '3 visits today, the first at 08:00: Gipfel & Faden Lechner GmbH', visit: '', at: new Date().toISOString() },
  { id: 'yesterday', text: '2 visits today, which was yesterday', visit: '', at: at(-1, 6).toISOString() },
];
const did = (...deed) => { state.deeds.push(deed); changed(); };

async function picture(id) {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 300;
  const pen = canvas.getContext('2d'), hue = id.charCodeAt(1) * 47 % 360;
  pen.fillStyle = `hsl(${hue} 35% 55%)`; pen.fillRect(0, 0, 300, 300);
  pen.fillStyle = `hsl(${hue + 40} 45% 75%)`; pen.beginPath(); pen.arc(150, 170, 90, 0, 7); pen.fill();
  return new Promise(resolve => canvas.toBlob(resolve, 'image/jpeg', .8));
}

const waiting = () => state.items.filter(i => i.state !== 'done');
const deps = {
  auth: {
    on, session: () => state.session, signIn: async () => did('signIn'),
    signOut: async ({ force }) => { did('signOut', Boolean(force)); return force || !waiting().length ? {} : { waiting: waiting().length }; },
    fetchApi: async (path, init) => { did('fetch', path, init?.method || 'GET'); if (path.startsWith('reports')) return reports(path, init); return Response.json(devices); },
  },
  queue: {
    on, list: async () => state.items, drain: async () => did('drain'), retry: async id => did('retry', id), takeOffice: async id => did('takeOffice', id), mineWins: async id => did('mineWins', id),
    blob: async id => id === 'q0' ? null : picture(id),
    summary: async () => ({ commands: waiting().filter(i => i.type !== 'file.attach').length, files: waiting().filter(i => i.type === 'file.attach').length, bytes: waiting().reduce((n, i) => n + i.bytes, 0), lastTry: waiting().length ? at(0, 0, 2).toISOString() : null, lastError: state.online ? state.lastError ?? null : { word: 'offline', message: 'Failed to fetch' }, online: state.online }),
    async add(type, v, body, { file } = {}) {
      if (state.fail) throw new DOMException('no room', state.fail);
      const i = item('q' + state.items.length, type, v, 'waiting', body, { bytes: file?.size || 0, at: new Date().toISOString() });
      state.items = [...state.items, i];
      const of = state.visits.find(x => x.id === v);
      of.pending = (of.pending || 0) + 1;
      if (type === 'visit.start') of.status = 'Working';
      if (type === 'finish') Object.assign(of, { status: 'Done', state: 'Completed' });
      if (type === 'note') of.notes = body.text;
      if (type === 'sign') of.receiver = body.name;
      if (type === 'service.add') of.services.push({ id: i.id, service: catalogue.services.find(s => s.id === body.service), quantity: body.quantity, notes: body.notes, pending: true });
      if (type === 'material.add') of.materials.push({ id: i.id, product: catalogue.products.find(p => p.id === body.product), quantity: body.quantity, unit: 'pc', pending: true });
      did('add', type, v, body, file?.type);
      return i;
    },
  },
  visits: { on, all: async () => ({ asOf: state.asOf, visits: state.visits }), get: async id => state.visits.find(v => v.id === id), refresh: async () => did('refresh'), catalogue: async () => catalogue },
  reminders: { on, unread: async () => state.told, read: async id => { state.told = state.told.filter(r => r.id !== id); did('read', id); } },
  device: { on, info: async () => ({ id: 'd1', name: 'This phone', used: 18.4e6, quota: 2.1e9, persisted: state.persisted, version: '3f9a2c7', updateWaiting: state.update }), persist: async () => { state.persisted = true; did('persist'); }, applyUpdate: async () => did('applyUpdate'), wipe: async () => did('wipe') },
  photos: { prepare: async file => { if (!/^image\/(jpeg|png)$/.test(file.type)) throw new Error('not a picture'); return new Blob([await file.arrayBuffer()], { type: 'image/jpeg' }); } },
};

// sample.set changes what there is, and the screens follow.
window.sample = { state, changed, set(more) { Object.assign(state, more); changed(); } };
start(document.getElementById('app'), deps).then(() => { window.ready = true; });

// The office is told of everybody's devices.
const tom = { id: 'u1', name: 'Tom Berger' };
const devices = [{ id: 'd1', name: 'This phone', user: tom, last_seen: new Date(), waiting: 0 }, { id: 'd2', name: 'Pixel 9 (old)', user: tom, last_seen: new Date(Date.now() - 3 * 864e5), waiting: 2 },
  { id: 'd3', name: 'iPad of the van', user: tom, last_seen: new Date(Date.now() - 72e5), waiting: 0, wipe_asked_at: new Date() }, { id: 'd1', name: 'Chromium, Linux', user: { id: 'u2', name: 'Nina Vogt' }, last_seen: new Date(), waiting: 5 }];

// The office's reports; who is not of the office is refused.
function reports(path, init) {
  if (!state.reports) return Response.json({ error: 'forbidden', message: 'not for you' }, { status: 403 });
  if (init?.method === 'POST') {
    state.reports = [{ day: '2026-11-29', made_at: new Date().toISOString(), visits: 4, done: 3, refused: 1 }, ...state.reports];
    return Response.json({ day: '2026-11-29' }, { status: 202 });
  }
  return path === 'reports' ? Response.json(state.reports) : new Response('%PDF-1.3', { headers: { 'Content-Type': 'application/pdf' } });
}
