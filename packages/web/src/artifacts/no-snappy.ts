/** Stands in for `hysnappy`, which is WebAssembly: the page's policy allows none, and hyparquet has Snappy of its own. */

/** Never called. */
export function snappyUncompress(): never {
  throw new TypeError("snappy: expected hyparquet's own decompressor to be used");
}

/** Never used. */
export function snappyUncompressor(): typeof snappyUncompress {
  return snappyUncompress;
}
