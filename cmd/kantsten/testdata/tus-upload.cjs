// Uploads a file by tus-js-client, as a page or an app would, and prints what its
// onSuccess is given: node tus-upload.cjs ENDPOINT FILE
const fs = require('node:fs')
const tus = require('tus-js-client')

const [endpoint, file] = process.argv.slice(2)
let retries = 0
const upload = new tus.Upload(fs.readFileSync(file), {
  endpoint,
  retryDelays: Array(30).fill(50),
  metadata: { filename: 'hål i vägen.jpg', filetype: 'image/jpeg' },
  onShouldRetry: (err) => {
    retries++
    const res = err.originalResponse
    const status = res ? res.getStatus() : 0
    return status < 400 || status >= 500 || status === 409 || status === 423 // as the client does by itself
  },
  onError: (err) => {
    console.error(String(err))
    process.exitCode = 1
  },
  onSuccess: ({ lastResponse }) => {
    console.log(JSON.stringify({ photo: lastResponse.getHeader('Upload-Photo-Id'), url: upload.url, retries }))
  },
})
upload.start()
