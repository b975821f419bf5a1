// Sends a file with tus-js-client, twice: the second time as a client that has kept
// nothing but its key. Says on its output what happens, a line of JSON for each event.
import { createReadStream, statSync } from 'node:fs'
import { Upload } from 'tus-js-client'

const task = JSON.parse(process.argv[2])
const say = (event, more = {}) => console.log(JSON.stringify({ event, ...more }))

function send() {
	return new Promise((resolve) => {
		let furthest = 0
		const upload = new Upload(createReadStream(task.file), {
			endpoint: task.endpoint,
			uploadSize: statSync(task.file).size,
			chunkSize: 512 * 1024, // streams are sent in pieces
			metadata: { key: task.key, sha256: task.sha256, filename: 'photo.jpg', filetype: 'image/jpeg', visit: 'visit 1' },
			headers: { 'X-Person': task.who },
			retryDelays: Array(100).fill(200),
			onAfterResponse(request, response) {
				const offset = Number(response.getHeader('Upload-Offset') ?? -1)
				say(request.getMethod(), { status: response.getStatus(), offset })
				if (offset === 0 && furthest > 0) say('again from 0')
				furthest = Math.max(furthest, offset)
			},
			onProgress: (sent) => say('progress', { sent }),
			onError: (error) => { say('failed', { message: String(error) }); resolve() },
			onSuccess: () => { say('done', { url: upload.url }); resolve() },
		})
		upload.start()
	})
}

await send()
await send()
