// The client under a short address; import it from "/client.js" of a server.
export * from "./client/dynafile-documents.js";
