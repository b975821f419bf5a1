// Before anybody is signed in on this device.
import { h, mark } from './dom.js';
import { t, languages, language, speak } from './say.js';

export const signIn = app => ({
  view: async () => ({
    title: t('signin'),
    body: h('div', { class: 'welcome' }, mark(), h('h1', { id: 'title', tabindex: -1 }, t('app')), h('p', { class: 'lead' }, t('signin.text')), h('p', { class: 'quiet small' }, t('signin.offline'))),
    acts: [
      languagePick(app),
      h('button', { type: 'button', class: 'primary big', onclick: () => app.do(() => app.deps.auth.signIn()) }, t('signin')),
    ],
  }),
});

/** The choice of the language, each by its own name. */
export function languagePick(app) {
  const change = async e => {
    await speak(e.target.value);
    app.draw();
    if (app.session && app.online) await app.deps.visits.refresh(); // the ERP's texts have languages, too
  };
  return h('label', { class: 'pick' }, h('span', null, t('language')),
    h('select', { id: 'language', value: language(), onchange: change },
      Object.entries(languages).map(([tag, name]) => h('option', { value: tag, lang: tag }, name))));
}
