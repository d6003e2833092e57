// What a test or another script of the page can ask: window.edgekit. See docs/phone.md.

export const hooks = {
  spec: null, // the content of model.json once the network works
  runtime: null, // the variant of the runtime and the number of its threads
  last: null, // {data, width, height, result, threshold}: the RGBA bytes of the last frame and its result
  recording: null,

  /** Return a promise of the next `count` frames with their results. */
  record(count) {
    return new Promise((resolve) => {
      this.recording = { count, frames: [], resolve };
    });
  },

  saw(frame) {
    this.last = frame;
    if (!this.recording) return;
    const { count, frames, resolve } = this.recording;
    frames.push(frame);
    if (frames.length < count) return;
    this.recording = null;
    resolve(frames);
  },
};

window.edgekit = hooks;
