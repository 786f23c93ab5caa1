/** The contract over real servers: versitygw, Azurite, and Google's emulator, which checks neither signatures nor conditions. */
import { azureServer, googleServer, s3Server } from "../../../test-support/stores/servers.js";
import { storeContract } from "./support/store-contract.js";

storeContract("S3", () => s3Server());
storeContract("Azure Blob Storage", azureServer);
storeContract("Google Cloud Storage", googleServer, { checksSignatures: false, firstWins: false });
