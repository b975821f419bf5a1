// A browser without JavaScript: cookies, redirects, one form. It follows what stays at
// the identity server and says where it was sent at last.
export class Browser {
  cookies = new Map()

  // A person by login and password, at the identity server of an issuer.
  constructor({ issuer, login, password }) {
    this.origin = new URL(issuer).origin
    this.login = login
    this.password = password
  }

  async request(url, form) {
    for (let hops = 0; hops < 10; hops++) {
      const headers = { cookie: [...this.cookies].map(([k, v]) => `${k}=${v}`).join('; ') }
      if (form) headers.origin = this.origin
      const res = await fetch(url, { method: form ? 'POST' : 'GET', body: form, headers, redirect: 'manual' })
      for (const line of res.headers.getSetCookie()) {
        const [pair] = line.split(';')
        const at = pair.indexOf('=')
        this.cookies.set(pair.slice(0, at), pair.slice(at + 1))
      }
      const to = res.headers.get('location')
      if (!to) return { url, status: res.status, text: await res.text() }
      url = new URL(to, url)
      if (url.origin !== this.origin) return { url, status: res.status, text: '' }
      form = undefined
    }
    throw new Error('the redirects lead in a circle')
  }

  async signIn(url) {
    const page = await this.request(url)
    if (page.status !== 200) return page // signed in already
    const form = new URLSearchParams()
    for (const [input] of page.text.matchAll(/<input[^>]*>/g)) {
      const attribute = (name) => input.match(new RegExp(` ${name}="([^"]*)"`))?.[1] ?? ''
      if (attribute('type') === 'hidden') form.set(attribute('name'), attribute('value'))
    }
    form.set('login', this.login)
    form.set('password', this.password)
    const action = page.text.match(/<form[^>]* action="([^"]*)"/)[1]
    return this.request(new URL(action, page.url), form)
  }
}
