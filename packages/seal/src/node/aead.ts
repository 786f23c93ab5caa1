/** AES-256-GCM through `node:crypto`: no copies into other threads, so that one core does several GB/s. */
import { createCipheriv, createDecipheriv } from "node:crypto";
import { type AeadFactory, tagBytes } from "../container/cipher.js";
import { noteShortLived } from "./memory.js";

const algorithm = "aes-256-gcm";
const options = { authTagLength: tagBytes };

/** AES-256-GCM through `node:crypto`. */
export const nodeAead: AeadFactory = (key) => ({
  seal: (plaintext, nonce, aad) => {
    noteShortLived(plaintext.length);
    const cipher = createCipheriv(algorithm, key, nonce, options).setAAD(aad);
    const ciphertext = cipher.update(plaintext);
    // GCM holds nothing back: `final` only makes the tag.
    cipher.final();
    return [ciphertext, cipher.getAuthTag()];
  },
  open: (sealed, nonce, aad) => {
    noteShortLived(sealed.length);
    const end = sealed.length - tagBytes;
    const decipher = createDecipheriv(algorithm, key, nonce, options).setAAD(aad);
    decipher.setAuthTag(sealed.subarray(end));
    const plaintext = decipher.update(sealed.subarray(0, end));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    return plaintext;
  },
});
