// The phone's camera, and what to do where there is none.

import { Problem } from "./support.js";

const PICTURE = "Or choose a picture file below.";

const REFUSALS = {
  NotAllowedError: [
    "The camera was refused",
    `Allow the camera for this page: tap the symbol beside the address, or look in the browser's settings. ${PICTURE}`,
  ],
  NotFoundError: ["This device has no camera", `Connect one and try again. ${PICTURE}`],
  NotReadableError: ["The camera is in use", `Close the app or page that uses it and try again. ${PICTURE}`],
};

/**
 * Return a stream of the camera that faces "environment" or "user".
 * Throw a Problem where there is none.
 */
export async function openCamera(facing) {
  if (!window.isSecureContext) {
    throw new Problem(
      "The camera needs a secure page",
      "A browser gives a camera only to pages on localhost, or with https. Serve the app with edge-deploy web --serve, " +
        `or from a host with https. ${PICTURE}`,
    );
  }
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Problem("This browser gives no camera to pages", `Take another browser. ${PICTURE}`);
  }
  const video = { facingMode: { ideal: facing }, width: { ideal: 640 }, height: { ideal: 480 } };
  try {
    return await navigator.mediaDevices.getUserMedia({ video, audio: false });
  } catch (error) {
    const [title, advice] = REFUSALS[error.name] ?? ["The camera does not open", `${error.message || error.name}. ${PICTURE}`];
    throw new Problem(title, advice, true);
  }
}

/** Release a stream's camera. */
export function closeCamera(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

/** Return how many cameras there are. */
export async function cameraCount() {
  const devices = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  return devices.filter((device) => device.kind === "videoinput").length;
}
