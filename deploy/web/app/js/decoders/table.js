// The decoders by their names in a bundle. edge.deploy.web.heads says what each is told.

import { blazeface, yunet } from "./faces.js";
import { tfliteDetection } from "./in_graph.js";
import { fastestdet, fomo } from "./maps.js";
import { rfb, ssd } from "./ssd.js";
import { yolov5, yolov8 } from "./yolo.js";

export const DECODERS = {
  ssd,
  rfb,
  yolov5,
  yolov8,
  blazeface,
  yunet,
  fastestdet,
  fomo,
  tflite_detection: tfliteDetection,
};
