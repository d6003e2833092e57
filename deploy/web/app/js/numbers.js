// Arithmetic in float32, as numpy does it on the device: every step is rounded by Math.fround.

export const f = Math.fround;

/** Round half to even, as Python's round and numpy's rint do. */
export function rint(x) {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Limit x; what is not a number stays so. */
export function clip(x, low, high) {
  return Math.min(Math.max(x, low), high);
}

const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
};

/** The kind of typed array that holds a dtype. */
export function arrayOf(dtype) {
  const found = ARRAYS[dtype];
  if (!found) throw new Error(`numbers of type ${dtype} cannot be read here`);
  return found;
}

/**
 * An output of a network: the numbers as the runtime gave them, and what they mean.
 * spec: {name, shape, dtype, scale, zeroPoint}; scale is null where the numbers are real values already.
 */
export class Tensor {
  constructor(raw, spec) {
    this.raw = raw;
    this.spec = spec;
    this.values = null;
  }

  /** The real values, a Float32Array: scale * (raw - zero point). */
  get real() {
    if (this.values === null) this.values = dequantize(this.raw, this.spec);
    return this.values;
  }
}

/** Return the real values of quantized numbers as a Float32Array. */
export function dequantize(raw, spec) {
  if (raw instanceof Float32Array) return raw;
  const out = new Float32Array(raw.length);
  const zero = spec.scale === null ? 0 : spec.zeroPoint;
  const scale = spec.scale === null ? 1 : f(spec.scale);
  for (let i = 0; i < raw.length; i++) out[i] = f(f(Number(raw[i])) - zero) * scale;
  return out;
}

/** Refuse NaN, which would otherwise compare as any class. */
export function checkNumbers(tensors, classify) {
  for (const tensor of tensors) {
    if (!(tensor.raw instanceof Float32Array)) continue;
    for (const value of tensor.raw) {
      if (Number.isNaN(value) || (classify && value === Infinity)) {
        throw new Error(
          `no result: output ${tensor.spec.name} holds ${value}; the network overflows on this picture, ` +
            "or its weights are damaged",
        );
      }
    }
  }
}
