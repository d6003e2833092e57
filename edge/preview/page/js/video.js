// The stream of pictures: multipart/x-mixed-replace, read here instead of by <img>, so that its end is noticed.

const decoder = new TextDecoder("latin1");

/** Yield {jpeg: Blob, age: ms, frame} of each part of a stream. */
async function* parts(body) {
  const reader = body.getReader();
  let bytes = new Uint8Array(0);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    bytes = joined(bytes, value);
    for (let part = first(bytes); part; part = first(bytes)) {
      bytes = bytes.subarray(part.end);
      yield part;
    }
  }
}

function joined(a, b) {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}

/** Return the first complete part of the bytes, or null. */
function first(bytes) {
  const start = find(bytes, "\r\n\r\n");
  if (start < 0) return null;
  const head = decoder.decode(bytes.subarray(0, start));
  const field = (name) => Number(new RegExp(`^${name}: ([0-9.]+)`, "im").exec(head)?.[1] ?? 0);
  const from = start + 4;
  const end = from + field("Content-Length");
  if (bytes.length < end) return null;
  const jpeg = new Blob([bytes.slice(from, end)], { type: "image/jpeg" });
  return { jpeg, age: field("X-Age-Ms"), frame: field("X-Frame"), end };
}

function find(bytes, text) {
  const wanted = [...text].map((letter) => letter.charCodeAt(0));
  const last = Math.min(bytes.length, 2048) - wanted.length;
  for (let i = 0; i <= last; i++) if (wanted.every((byte, k) => bytes[i + k] === byte)) return i;
  return -1;
}

export class Video {
  /** @param show called with an ImageBitmap and the part it comes from */
  constructor(show) {
    this.show = show;
  }

  /** Play a source until ``stop``. A stream that ends is opened again. */
  play(camera) {
    this.stop();
    const cut = (this.cut = new AbortController());
    const url = camera === null ? "/video" : `/video?source=${encodeURIComponent(camera)}`;
    this.keep(url, cut);
  }

  stop() {
    this.cut?.abort();
    this.cut = null;
    this.waiting = null;
  }

  async keep(url, cut) {
    while (!cut.signal.aborted) {
      try {
        const answer = await fetch(url, { signal: cut.signal });
        if (answer.ok) for await (const part of parts(answer.body)) this.take(part, cut);
      } catch {
        // the stream broke; the events say why
      }
      if (!cut.signal.aborted) await new Promise((done) => setTimeout(done, 1000));
    }
  }

  /** Decode the newest part; those that came while another was decoded are dropped. */
  async take(part, cut) {
    part.arrived = performance.now();
    this.waiting = part;
    if (this.busy) return;
    this.busy = true;
    try {
      while (this.waiting && !cut.signal.aborted) {
        const next = this.waiting;
        this.waiting = null;
        const image = await createImageBitmap(next.jpeg);
        if (!cut.signal.aborted) this.show(image, next);
        image.close();
      }
    } finally {
      this.busy = false;
    }
  }
}
