// The page's side of the worker that runs the network: one question at a time.

export class Network {
  constructor() {
    this.worker = new Worker(new URL("./worker.js", import.meta.url));
    this.waiting = new Map();
    this.next = 0;
    this.worker.onmessage = ({ data }) => this.settle(data.id, data);
    this.worker.onerror = (event) => {
      event.preventDefault();
      const fault = event.message || "the worker cannot be loaded";
      for (const id of [...this.waiting.keys()]) this.settle(id, { fault });
    };
  }

  settle(id, answer) {
    this.waiting.get(id)?.(answer);
    this.waiting.delete(id);
  }

  ask(message, moved = []) {
    const id = this.next++;
    return new Promise((resolve) => {
      this.waiting.set(id, resolve);
      this.worker.postMessage({ ...message, id }, moved);
    });
  }

  /** Load the runtime and the model, and run the golden input. Return {fault} when something is wrong. */
  open(runtime) {
    return this.ask({ kind: "open", ...runtime });
  }

  /** Run the network on RGBA bytes, which come back with the answer: {result, inferMs, data} or {fault}. */
  run(data, width, height, threshold) {
    return this.ask({ kind: "run", data, width, height, threshold }, [data.buffer]);
  }

  close() {
    this.worker.terminate();
  }
}
