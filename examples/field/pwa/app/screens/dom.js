// Small helpers for the document: elements, keeping them in step, sheets and notices.
// Text only ever becomes text: nothing here parses HTML, so Trusted Types has nothing to refuse.

const svgTags = new Set(['svg', 'path', 'circle', 'rect']);
// These belong to the person once they are shown: keeping in step leaves them alone.
const persons = new Set(['open', 'value', 'checked']);

/**
 * Makes an element. Props are attributes; `on…` are listeners, true and false stand for
 * present and absent, `value` is a field's text, `key` names a child among its siblings,
 * and `own` leaves everything inside to whoever made it. Children: nodes, text, null, lists.
 */
export function h(tag, props, ...children) {
  const node = svgTags.has(tag) ? document.createElementNS('http://www.w3.org/2000/svg', tag) : document.createElement(tag);
  node.on = {};
  node.append(...children.flat(Infinity).filter(c => c != null && c !== false));
  for (const [name, value] of Object.entries(props || {})) {
    if (value == null || value === false) continue;
    if (name.startsWith('on')) listen(node, name.slice(2), value);
    else if (name === 'key' || name === 'own') node[name] = value;
    else if (name === 'value') node.value = node.was = value;
    else node.setAttribute(name, value === true ? '' : value);
  }
  return node;
}

// Listeners are looked up when something happens, so that a kept element gets its new ones.
function listen(node, type, fn) {
  if (!(type in node.on)) node.addEventListener(type, e => node.on[type]?.(e));
  node.on[type] = fn;
}

/** Makes an old element like a fresh one, and keeps what is the same: focus, typing, scrolling. */
export function patch(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName || old.key !== fresh.key) {
    old.replaceWith(fresh);
    return;
  }
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const type of Object.keys(old.on)) old.on[type] = fresh.on[type];
  for (const type of Object.keys(fresh.on)) listen(old, type, fresh.on[type]);
  if (old.own) return;
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && !persons.has(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value && !persons.has(name)) old.setAttribute(name, value);
  patchChildren(old, [...fresh.childNodes]);
  if (fresh.was !== undefined && fresh.was !== old.was) old.value = old.was = fresh.was;
}

function patchChildren(parent, fresh) {
  const left = [...parent.childNodes];
  const pairs = fresh.map(child => {
    const at = left.findIndex(o => o.nodeName === child.nodeName && o.key === child.key);
    return [child, at < 0 ? null : left.splice(at, 1)[0]];
  });
  for (const gone of left) gone.remove(); // first: what stays is then moved only where the order changes, as moving takes the focus
  pairs.forEach(([child, old], i) => {
    const here = parent.childNodes[i] || null;
    if (here !== (old || child)) parent.insertBefore(old || child, here);
    if (old) patch(old, child);
  });
}

/** Stands for an element that is there already and stays what and where it is. */
export function kept(node) {
  if (!node.isConnected) return node;
  return Object.assign(h(node.nodeName.toLowerCase()), { on: node.on, key: node.key, own: true });
}

const paths = {
  back: 'M15 5l-7 7 7 7', next: 'M9 5l7 7-7 7', check: 'M5 12.5l4.5 4.5L19 7.5', plus: 'M12 5v14M5 12h14', minus: 'M5 12h14', close: 'M6 6l12 12M18 6L6 18',
  bell: 'M6 16.5h12c-1.3-1.3-1.7-2.6-1.7-5.6a4.3 4.3 0 0 0-8.6 0c0 3-.4 4.3-1.7 5.6zM10.4 19.5h3.2M12 4.3v2.3',
  today: 'M5 6h14v13H5zM5 10h14M9 3.5V7M15 3.5V7', queue: 'M7 17.5a4 4 0 0 1-.4-8 5.5 5.5 0 0 1 10.6-.6A4.3 4.3 0 0 1 17 17.5M12 20v-8M8.8 14.8L12 11.6l3.2 3.2',
  device: 'M8 3.5h8a1 1 0 0 1 1 1v15a1 1 0 0 1-1 1H8a1 1 0 0 1-1-1v-15a1 1 0 0 1 1-1zM11 17.5h2', refresh: 'M19 12a7 7 0 1 1-2.2-5.1M19 4v4h-4',
  offline: 'M4 4l16 16M8.5 9A5 5 0 0 0 7 17.5h9.5M12 7.2a5.4 5.4 0 0 1 5.2 3.7 3.6 3.6 0 0 1 2 5.4', camera: 'M4 8h3.5L9 5.5h6L16.5 8H20v11H4zM12 10a3.4 3.4 0 1 0 0 6.8 3.4 3.4 0 0 0 0-6.8z',
  photos: 'M4 5h16v14H4zM4 15.5l4.5-4.5 4 4 2.5-2.5 5 5M15 8.6v.1', sign: 'M4 19h16M5 15c3-7 5.5-9 6.5-8s-3.5 7-1.5 7.5 3-3.5 4.5-3.5.5 2.5 4.5 1.5', service: 'M14.5 6a4.2 4.2 0 0 1 4.8-.8L16.5 8l1 1.5L20.5 7a4.2 4.2 0 0 1-5.7 5.2L8.5 18.5a2 2 0 0 1-3-3l6.3-6.3A4.2 4.2 0 0 1 14.5 6z',
  material: 'M12 3.5l7.5 4v9l-7.5 4-7.5-4v-9zM4.5 7.5l7.5 4 7.5-4M12 11.5v9', note: 'M6 4h12v16H6zM9 9h6M9 12.5h6M9 16h3', phone: 'M7 4l3 .5 1 4-2 1.5a11 11 0 0 0 5 5l1.5-2 4 1 .5 3c0 1-1 2.5-3 2.5C10.5 19.5 4.5 13.5 4.5 7c0-2 1.5-3 2.5-3z',
  place: 'M12 21s6.5-6 6.5-11a6.5 6.5 0 0 0-13 0c0 5 6.5 11 6.5 11zM12 7.7a2.3 2.3 0 1 0 0 4.6 2.3 2.3 0 0 0 0-4.6z', clock: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 8v4.5l3 2', warn: 'M12 4.5l8.5 15h-17zM12 10v4.5M12 17v.1', lock: 'M6.5 11h11v8.5h-11zM9 11V8a3 3 0 0 1 6 0v3', history: 'M5 12a7 7 0 1 0 2.2-5.1M5 4v4h4M12 8.5V12l2.5 1.5',
};

/** A picture of 24 × 24 that screen readers pass over. */
export const icon = (name, cls = '') => h('svg', { class: 'icon ' + cls, viewBox: '0 0 24 24', 'aria-hidden': 'true' }, h('path', { d: paths[name] }));

/** Two circles: the sign of Tandem. */
export const mark = () => h('svg', { class: 'mark', viewBox: '0 0 34 22', 'aria-hidden': 'true' },
  h('circle', { cx: 11, cy: 11, r: 10, class: 'blue' }), h('circle', { cx: 23, cy: 11, r: 10, class: 'green' }));

/**
 * Opens a sheet from the lower edge and answers what its form was closed with: what
 * `build(close)` passes to `close`, or undefined when the person put it away.
 */
export function sheet(title, build) {
  return new Promise(resolve => {
    let answer;
    const close = value => { answer = value; box.close(); };
    const box = h('dialog', { class: 'sheet', 'aria-labelledby': 'sheet-title',
      onclick: e => { if (e.target === box) box.close(); },
      onclose: () => { box.remove(); resolve(answer); } });
    box.append(h('div', { class: 'sheet-in' }, h('h2', { id: 'sheet-title' }, title), build(close)));
    document.body.append(box);
    box.showModal();
  });
}

let timer;
/** Says something in passing; screen readers hear it. A fault stays until the next one, or a press. */
export function notice(text, fault = false) {
  let box = document.getElementById('notice');
  if (!box) document.body.append(box = h('div', { id: 'notice', role: 'status', onclick: () => box.replaceChildren() }));
  box.className = fault ? 'fault' : '';
  box.replaceChildren(h('p', null, text));
  clearTimeout(timer);
  if (!fault) timer = setTimeout(() => box.replaceChildren(), 5000);
}
