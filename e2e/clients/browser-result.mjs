// What a page saw, as its text, where the Go test looks.
export function show(facts) {
  const pre = document.createElement('pre')
  pre.id = 'result'
  pre.textContent = JSON.stringify(facts)
  document.body.append(pre)
}
