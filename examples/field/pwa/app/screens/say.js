// The language of the screens: texts by key, numbers and dates as the language writes them.
import en from '../words/en.js';

const load = { en: async () => en, de: async () => (await import('../words/de.js')).default, bg: async () => (await import('../words/bg.js')).default };
const usual = { en: 'en-GB', de: 'de-DE', bg: 'bg-BG' };
const kept = 'field.language';

/** Languages there are, each by its own name. */
export const languages = { en: 'English', de: 'Deutsch', bg: 'Български' };

let words = en, tag = usual.en, made = {};

/** The person's choice, else the first language of the browser that there is, else English. */
function chosen() {
  const own = localStorage.getItem(kept);
  if (own in load) return own;
  return (navigator.languages || []).map(l => l.slice(0, 2).toLowerCase()).find(l => l in load) || 'en';
}

export const language = () => document.documentElement.lang;

/** Speaks a language from now on; without one, the chosen one. A choice is kept on this device. */
export async function speak(choice) {
  if (choice in load) localStorage.setItem(kept, choice);
  const lang = chosen();
  words = await load[lang]();
  tag = (navigator.languages || []).find(l => l.toLowerCase().startsWith(lang + '-')) || usual[lang];
  made = {};
  document.documentElement.lang = lang;
}

const intl = (kind, options) => made[kind + JSON.stringify(options)] ||= new Intl[kind](tag, options);
const written = v => typeof v === 'number' ? number(v) : String(v ?? '');

/** The text of a key, with {name} for each argument; numbers are written as people do. */
export function t(key, args = {}) {
  return (words[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => written(args[name]));
}

/** Says the text if there is one for the key, else the fallback. */
export const maybe = (key, fallback, args) => key in words ? t(key, args) : fallback;

/** A count with its noun: key.one or key.other. */
export const count = (key, n) => t(`${key}.${intl('PluralRules').select(n)}` in words ? `${key}.${intl('PluralRules').select(n)}` : `${key}.other`, { n });

export const number = n => intl('NumberFormat', { maximumFractionDigits: 3 }).format(n);

/** A quantity of the API ("2.000") as people write it. */
export const quantity = text => number(Number(text));

/** What a person typed as a quantity ("1,5"), as the API writes it; null when it is none, or not above 0. */
export function typedQuantity(text) {
  const plain = text.trim().replace(',', '.');
  return /^\d{1,6}(\.\d{1,3})?$/.test(plain) && Number(plain) > 0 ? plain : null;
}

export function bytes(n) {
  const [size, unit] = n < 1e6 ? [Math.ceil(n / 1e3), 'kilobyte'] : n < 1e9 ? [n / 1e6, 'megabyte'] : [n / 1e9, 'gigabyte'];
  return intl('NumberFormat', { style: 'unit', unit, maximumFractionDigits: size < 10 && unit !== 'kilobyte' ? 1 : 0 }).format(size);
}

/** "1 h 30 min" */
export function minutes(n) {
  const part = (value, unit) => intl('NumberFormat', { style: 'unit', unit }).format(value);
  return [n >= 60 && part(Math.floor(n / 60), 'hour'), (n % 60 || !n) && part(n % 60, 'minute')].filter(Boolean).join(' ');
}

export const time = at => at ? intl('DateTimeFormat', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(new Date(at)) : '–';

/** A day of the API ("2026-11-29"): with its weekday, or short. */
export const day = (text, style = { weekday: 'long', day: 'numeric', month: 'long' }) => intl('DateTimeFormat', style).format(new Date(text + 'T12:00:00'));
export const shortDay = text => day(text, { day: 'numeric', month: 'short', year: 'numeric' });

/** The day of a moment here, as the API writes days. */
export function dayOf(at = new Date()) {
  const two = n => String(n).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** How many days from today a day is; negative before. */
export const daysAhead = text => Math.round((new Date(text + 'T12:00:00') - new Date(dayOf() + 'T12:00:00')) / 864e5);

/** Why the API has refused something: what its reason is called here, else what it says itself. */
export function refusal({ reason, args, message }) {
  const plain = Object.entries({ ...args, message }).map(([name, v]) => [name, /^\d{4}-\d\d-\d\d$/.test(v) ? day(v) : v]);
  return maybe('no.' + reason, message, Object.fromEntries(plain));
}

/** "12 minutes ago" */
export function ago(at) {
  const s = Math.max(0, (Date.now() - new Date(at)) / 1000);
  const [n, unit] = s < 3600 ? [s / 60, 'minute'] : s < 86400 ? [s / 3600, 'hour'] : [s / 86400, 'day'];
  return s < 60 ? t('now') : intl('RelativeTimeFormat', { numeric: 'auto' }).format(-Math.floor(n), unit);
}
