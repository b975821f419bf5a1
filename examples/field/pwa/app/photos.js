// Pictures as they are kept and sent: a JPEG of at most 2,048 px, drawn anew, so that neither
// place nor camera go with it. It is made once; what waits is that very file.
const LONGEST = 2048 // px
const QUALITY = 0.82

/** @param {Blob} file a picture as the camera gives it. @returns {Promise<Blob>} a JPEG.
 * Throws where the browser cannot read it. */
export async function prepare(file) {
  const picture = await createImageBitmap(file, { imageOrientation: 'from-image' })
  try {
    const scale = Math.min(1, LONGEST / Math.max(picture.width, picture.height))
    const canvas = document.createElement('canvas')
    canvas.width = Math.max(1, Math.round(picture.width * scale))
    canvas.height = Math.max(1, Math.round(picture.height * scale))
    const pen = canvas.getContext('2d', { alpha: false })
    pen.fillStyle = '#fff' // what was transparent
    pen.fillRect(0, 0, canvas.width, canvas.height)
    pen.drawImage(picture, 0, 0, canvas.width, canvas.height)
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/jpeg', QUALITY))
    if (!blob) throw new Error('the picture cannot be written: take a smaller one')
    return blob
  } finally {
    picture.close()
  }
}
