export { pinnedFetch, pinOfCertificate, pinOfServer } from "./pinned-fetch.js";
