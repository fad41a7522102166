// Sending a video in parts to where the server says, each straight to the storage; where the server takes the bytes itself, by tus.
import { ask, words } from './api.js';

/** An upload with the operations, and the options, of tus.Upload. */
export class Upload {
  #stop = new AbortController();
  #byServer;

  constructor(file, options) {
    this.file = file;
    this.options = options;
  }

  /** Begin, or go on where the server is by now. */
  start() {
    this.#stop = new AbortController();
    this.#run(this.#stop.signal);
  }

  async abort() {
    this.#stop.abort();
    await this.#byServer?.abort();
  }

  async #run(signal) {
    const { retryDelays, onShouldRetry, onError, onSuccess } = this.options;
    let tries = 0;
    while (!signal.aborted) {
      try {
        if (await this.#send(signal, () => { tries = 0; }) && !signal.aborted) onSuccess();
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (tries >= retryDelays.length || !onShouldRetry(error)) {
          onError(error);
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, retryDelays[tries]));
        tries += 1;
      }
    }
  }

  /** Send what is missing, part after part; `arrived` hears of each. False where tus goes on with it, or nobody. */
  async #send(signal, arrived) {
    const { uploadUrl, onProgress } = this.options;
    let offset = await this.#offset(signal);
    while (offset < this.file.size) {
      const part = await ask('POST', `${uploadUrl}/parts`, { offset }, { signal });
      if (signal.aborted) return false;
      if (part === null) {
        this.#byServer = new tus.Upload(this.file, this.options);
        this.#byServer.start();
        return false;
      }
      await put(part.url, this.file.slice(offset, offset + part.bytes), signal, (sent) => onProgress(offset + sent, this.file.size));
      offset = (await ask('POST', `${uploadUrl}/parts/arrived`, { offset }, { signal })).offset;
      arrived();
    }
    return true;
  }

  async #offset(signal) {
    const answer = await fetch(this.options.uploadUrl, { method: 'HEAD', signal }).catch(() => null);
    if (!answer?.ok) throw Object.assign(new Error(answer ? words.failed : words.offline), { status: answer?.status ?? 0 });
    return Number(answer.headers.get('Upload-Offset'));
  }
}

/** Store bytes at an address. XMLHttpRequest, since fetch does not say how many have left. */
function put(url, bytes, signal, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    request.open('PUT', url);
    request.upload.addEventListener('progress', (event) => onProgress(event.loaded));
    request.addEventListener('loadend', () => {
      signal.removeEventListener('abort', stop);
      if (request.status >= 200 && request.status < 300) resolve();
      else reject(Object.assign(new Error(words.offline), { status: 0 })); // an address that is no longer good, too, is answered by another
    });
    signal.addEventListener('abort', stop);
    request.send(bytes); // a slice has no type, and none is sent
  });
}
