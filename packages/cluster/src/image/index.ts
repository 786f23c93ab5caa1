export { checkImageLock, containerDigest, type ImageLock, pinnedImage } from "./lock.js";
