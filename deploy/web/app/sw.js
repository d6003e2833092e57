// Keeps the app for use without a network. The list of files and their common digest are put in at export; of the
// runtime's variants only those are kept that this browser has asked for.
"use strict";

const DIGEST = "VERSION";
const SHELL = ["SHELL"];
const PREFIX = `edgekit ${self.registration.scope} `;
const CACHE = PREFIX + DIGEST;

// With these headers a page may use threads. A static host that does not send them gets them from here.
const HEADERS = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
};

self.addEventListener("install", (event) => {
  event.waitUntil(install());
});

async function install() {
  const cache = await caches.open(CACHE);
  await cache.addAll(SHELL.map((file) => new Request(file, { cache: "no-cache" })));
  await self.skipWaiting();
}

self.addEventListener("activate", (event) => {
  event.waitUntil(activate());
});

async function activate() {
  for (const name of await caches.keys()) {
    if (name.startsWith(PREFIX) && name !== CACHE) await caches.delete(name);
  }
  await self.clients.claim();
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method === "GET" && request.url.startsWith(self.registration.scope)) {
    event.respondWith(answer(request));
  }
});

async function answer(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request.mode === "navigate" ? "index.html" : request.url, { ignoreSearch: true });
  if (kept) return withHeaders(kept);
  const fresh = await fetch(request);
  if (fresh.ok && new URL(request.url).pathname.includes("/runtime/")) await cache.put(request.url, fresh.clone());
  return withHeaders(fresh);
}

function withHeaders(response) {
  if (response.type !== "basic" && response.type !== "default") return response;
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(HEADERS)) headers.set(name, value);
  headers.delete("Content-Encoding"); // the body is already unpacked
  headers.delete("Content-Length");
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}
