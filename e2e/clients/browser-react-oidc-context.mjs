// The same with react-oidc-context: React components around a sign-in.
import { createElement as h, useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { AuthProvider, useAuth } from 'react-oidc-context'

const { issuer, clientId, odata } = globalThis.task

function Page() {
  const auth = useAuth()
  const [answer, setAnswer] = useState()
  const token = auth.user?.access_token
  useEffect(() => {
    if (!token) return
    const headers = { authorization: `Bearer ${token}`, 'odata-maxversion': '4.0' }
    fetch(`${odata}General_Products_Products?$top=1`, { headers }).then((a) => setAnswer(a.status), (e) => setAnswer(String(e)))
  }, [token])
  if (auth.error) return h('pre', { id: 'result' }, JSON.stringify({ failed: String(auth.error) }))
  if (auth.isLoading) return h('p', null, 'Loading')
  if (!auth.isAuthenticated) return h('button', { id: 'sign-in', onClick: () => auth.signinRedirect() }, 'Sign in')
  if (answer === undefined) return h('p', null, 'Asking')
  return h('pre', { id: 'result' }, JSON.stringify({ sub: auth.user.profile.sub, scope: auth.user.scope, api: answer }))
}

const root = document.createElement('div')
document.body.append(root)
const config = {
  authority: issuer, client_id: clientId, redirect_uri: `${location.origin}/callback`, scope: 'openid profile read',
  onSigninCallback: () => history.replaceState({}, '', '/'),
}
createRoot(root).render(h(AuthProvider, config, h(Page)))
