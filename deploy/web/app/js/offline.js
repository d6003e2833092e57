// The service worker, which keeps the app for use without a network.

const LONGEST_MS = 60000;
const TRIED = "edgekit-isolation-tried";

/** Return null when the app is kept, or one line that says why not. */
export async function keepOffline() {
  if (!window.isSecureContext) return "Not kept for offline use: that needs https or localhost.";
  if (!("serviceWorker" in navigator)) return "Not kept for offline use: this browser has no service workers.";
  try {
    const registration = await navigator.serviceWorker.register("sw.js", { updateViaCache: "none" });
    await Promise.race([controlled(), failed(registration), late()]);
    return null;
  } catch (error) {
    return `Not kept for offline use: ${reason(error)}`;
  }
}

function reason(error) {
  if (error.name === "SecurityError" || /certificate|SSL/i.test(error.message)) {
    return "the browser does not trust this page's certificate. Install the local authority of this server first.";
  }
  return `${error.message || error.name}.`;
}

/** Wait until the service worker answers this page's requests, so that it keeps what is loaded next. */
async function controlled() {
  await navigator.serviceWorker.ready;
  if (navigator.serviceWorker.controller) return;
  await new Promise((resolve) => {
    navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true });
  });
}

/** Fail when the service worker cannot keep the files, for example because the phone is full. */
function failed(registration) {
  return new Promise((_, reject) => {
    const worker = registration.installing;
    worker?.addEventListener("statechange", () => {
      if (worker.state === "redundant" && !registration.active) reject(new Error("the files cannot be kept on this device"));
    });
  });
}

function late() {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error("the files did not arrive in time; load the page again")), LONGEST_MS);
  });
}

/**
 * Load the page once more when the service worker can add the headers that threads need and the server did not send.
 * Return whether it does. It is done before anything large is loaded.
 */
export function reloadsForThreads() {
  if (window.crossOriginIsolated || !navigator.serviceWorker?.controller) return false;
  try {
    if (sessionStorage.getItem(TRIED)) return false;
    sessionStorage.setItem(TRIED, "1");
  } catch {
    return false;
  }
  window.location.reload();
  return true;
}
