// Services and materials of a visit, and the catalogue to search for more of them.
import { h, icon, sheet } from './dom.js';
import { t, count, quantity, typedQuantity } from './say.js';
import { cancel, who } from './visit.js';

const shown = 40; // entries of the catalogue at once: a search is quicker than a longer list

export function lines(app, id, kind) {
  const services = kind === 'services';
  let search = '';
  return {
    async view() {
      const [v, catalogue] = await Promise.all([app.deps.visits.get(id), app.deps.visits.catalogue()]);
      if (!v) return { title: t('visit'), back: { to: '', name: t('tab.today') }, body: h('p', { class: 'none' }, t('visit.none')) };
      const open = v.status !== 'Done';
      const found = find(catalogue?.[services ? 'services' : 'products'] || [], search);
      return {
        title: t('lines'), back: { to: 'visit/' + id, name: who(v) },
        body: [
          h('div', { class: 'switch', role: 'group', 'aria-label': t('lines') }, ['services', 'materials'].map(k => h('a', { href: `#/visit/${id}/${k}`, 'aria-current': k === kind ? 'true' : null }, t(k), h('span', { class: 'n' }, String(v[k]?.length || 0))))),
          h('section', { key: kind }, h('h2', { class: 'hidden' }, t(kind)),
            v[kind]?.length ? h('ul', { class: 'rows' }, v[kind].map(line)) : h('p', { class: 'none small' }, t(kind + '.none'))),
          open && h('section', { key: 'catalogue' }, h('h2', { class: 'sub' }, t('catalogue')),
            h('p', { class: 'hidden', role: 'status' }, search && count('found', found.length)),
            found.length ? h('ul', { class: 'rows' }, found.slice(0, shown).map(entry)) : h('p', { class: 'none small' }, t(search ? 'catalogue.nothing' : 'catalogue.none', { search })),
            found.length > shown && h('p', { class: 'none small' }, t('catalogue.more', { n: found.length - shown }))),
        ],
        acts: open && h('label', { class: 'search' }, h('span', { class: 'hidden' }, t('catalogue.search')),
          h('input', { type: 'search', placeholder: t('catalogue.search'), autocomplete: 'off', enterkeyhint: 'search', value: search, oninput: e => { search = e.target.value; app.draw(); } })),
      };
    },
  };

  function line(l) {
    const of = l.service || l.product;
    return h('li', { key: l.id }, h('div', null, h('span', null, h('strong', null, of.name),
      l.notes && h('span', { class: 'small quiet' }, l.notes), l.pending && h('span', { class: 'small wait' }, icon('queue'), t('waits'))), h('span', { class: 'amount' }, quantity(l.quantity), l.unit && h('span', { class: 'small quiet' }, ' ' + l.unit))));
  }

  function entry(e) {
    return h('li', { key: e.id }, h('button', { type: 'button', onclick: () => add(e) }, h('span', null, h('strong', null, e.name), h('span', { class: 'small quiet' }, e.code)), icon('plus')));
  }

  async function add(e) {
    const body = await sheet(e.name, close => form(e, close));
    if (!body) return;
    search = '';
    await app.do(() => app.deps.queue.add(services ? 'service.add' : 'material.add', id, body), t('kept.line', { name: e.name }));
  }

  function form(e, close) {
    const field = h('input', { id: 'quantity', inputmode: 'decimal', autocomplete: 'off', value: '1', 'aria-describedby': 'unit wrong' });
    const wrong = h('p', { id: 'wrong', class: 'fault', role: 'alert' });
    const step = by => field.value = quantity(String(Math.max(1, (Number(typedQuantity(field.value)) || 0) + by)));
    const submit = ev => {
      ev.preventDefault();
      const amount = typedQuantity(field.value);
      field.setAttribute('aria-invalid', String(!amount));
      wrong.textContent = amount ? '' : t('quantity.wrong');
      if (!amount) field.focus();
      else close(services ? { service: e.id, quantity: amount, notes: ev.target.elements.notes.value.trim() } : { product: e.id, quantity: amount });
    };
    return h('form', { onsubmit: submit },
      h('p', { class: 'small quiet' }, e.code),
      h('label', { for: 'quantity' }, t('quantity')),
      h('div', { class: 'stepper' }, h('button', { type: 'button', 'aria-label': t('less'), onclick: () => step(-1) }, icon('minus')), field, h('span', { id: 'unit', class: 'quiet' }, e.unit),
        h('button', { type: 'button', 'aria-label': t('more'), onclick: () => step(1) }, icon('plus'))), wrong,
      services && h('label', null, h('span', null, t('line.notes')), h('input', { name: 'notes', maxlength: 254, autocomplete: 'off' })),
      h('div', { class: 'pair' }, cancel(close), h('button', { class: 'primary' }, t('add'))));
  }
}

// Letters without their marks: "olfilter" finds "Ölfilter".
const plain = text => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();

function find(entries, search) {
  const wanted = plain(search).split(/\s+/).filter(Boolean);
  return entries.filter(e => { const text = plain(`${e.name} ${e.code}`); return wanted.every(w => text.includes(w)); });
}
