// The stream of results: Server-Sent Events, opened again after every break.

const KINDS = ["state", "status", "settings", "result"];
const LOST_TOKEN = "The token is not valid any more: open the address that edge-camera printed at its start";
const SILENCE = 5000; // ms; a status comes every second
const LONGEST_WAIT = 4000; // ms

export class Events {
  /**
   * @param on called with a kind and its data
   * @param onState called with "live" or "disconnected", and why
   */
  constructor(on, onState) {
    this.on = on;
    this.onState = onState;
    this.failures = 0;
    setInterval(() => this.source && performance.now() - this.heard > SILENCE && this.broken(), 1000);
  }

  open(camera) {
    this.close();
    this.url = camera === null ? "/events" : `/events?source=${encodeURIComponent(camera)}`;
    this.heard = performance.now();
    const source = (this.source = new EventSource(this.url));
    for (const kind of KINDS) {
      source.addEventListener(kind, (event) => {
        this.heard = performance.now();
        this.failures = 0;
        this.onState("live", "");
        this.on(kind, JSON.parse(event.data));
      });
    }
    source.onerror = () => this.source === source && this.broken();
    this.camera = camera;
  }

  close() {
    this.source?.close();
    this.source = null;
    clearTimeout(this.timer);
  }

  async broken() {
    this.close();
    this.failures += 1;
    this.onState("disconnected", "Disconnected: the camera program does not answer. Trying again");
    const wait = Math.min(LONGEST_WAIT, 500 * 2 ** Math.min(this.failures - 1, 5));
    this.timer = setTimeout(() => this.open(this.camera), wait);
    const { status, text } = await answerTo(this.url);
    if (status === 400) this.camera = null; // it came back with other sources
    else if (text && !this.source) this.onState("disconnected", text);
  }
}

/** Return what the server answers instead of a stream. The status is 0 when it does not answer. */
async function answerTo(url) {
  const cut = new AbortController();
  try {
    const answer = await fetch(url, { signal: cut.signal });
    if (answer.status === 401) return { status: 401, text: LOST_TOKEN };
    return { status: answer.status, text: answer.ok ? "" : (await answer.text()).trim() };
  } catch {
    return { status: 0, text: "" };
  } finally {
    cut.abort();
  }
}
