import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export type Files = Map<string, { type: string; body: string | (() => Promise<string>) }>;

/** Serves files, as a frontend's own origin does. */
export async function servePages(files: Files) {
  const server = createServer(async (request, response) => {
    const file = files.get(new URL(request.url ?? "/", "http://localhost").pathname);
    const body = typeof file?.body === "function" ? await file.body() : file?.body;
    response.writeHead(file ? 200 : 404, { "content-type": file?.type ?? "text/plain" });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = () => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop };
}
