// Takes the pictures of the documents from the program:
//   BROWSER=chromium node pictures.mjs ISSUER FOLDER
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { launch, open } from "./browser.mjs";
import { encode } from "./png.mjs";

const [program, folder] = process.argv.slice(2);
const largest = 80_000;

const dev = spawn(program, ["dev"], { env: { PATH: process.env.PATH }, stdio: ["ignore", "pipe", "ignore"] });
let screen = "";
for await (const text of dev.stdout.setEncoding("utf8")) {
  screen += text;
  const [, url] = /playground +(\S+)\/\n/.exec(screen) ?? [];
  if (url && screen.includes("HASURA_GRAPHQL_JWT_SECRET")) {
    process.env.PLAYGROUND = url;
    break;
  }
}

const browser = await launch();
try {
  await take("playground.png", { width: 1160, height: 900 }, async () => ({ x: 0, y: 0, width: 1160, height: 1300 }));
  await take("playground-keys.png", { width: 1160, height: 900, colorScheme: "dark" }, async (page) => {
    for (const name of ["Let an hour pass", "Rotate now", "Let a day pass", "Let a day pass"]) {
      await page.getByRole("button", { name }).click();
      await page.waitForLoadState("networkidle").catch(() => {});
    }
    await page.getByRole("img", { name: /Key 3 signs/ }).waitFor();
    return page.locator("section", { has: page.locator("#keys-title") }).evaluate((section) => {
      const { top, height } = section.getBoundingClientRect();
      return { x: 0, y: Math.round(top + scrollY) - 20, width: 1160, height: Math.round(height) + 40 };
    });
  });
} finally {
  await browser.close();
  dev.kill();
  await once(dev, "exit");
}

/** Takes one picture of the page, after it was prepared, which says what of it is in the picture. */
async function take(name, look, prepare) {
  const { page } = await open(browser, look);
  const clip = await prepare(page);
  const shot = await page.screenshot({ fullPage: true, clip });
  const blank = await browser.newPage();
  const { width, height, pixels } = await blank.evaluate(async (source) => {
    const image = await createImageBitmap(await (await fetch(source)).blob());
    const canvas = new OffscreenCanvas(image.width, image.height);
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, image.width, image.height);
    const text = await new Promise((done) => {
      const reader = new FileReader();
      reader.onload = () => done(reader.result);
      reader.readAsDataURL(new Blob([data]));
    });
    return { width: image.width, height: image.height, pixels: text.slice(text.indexOf(",") + 1) };
  }, `data:image/png;base64,${shot.toString("base64")}`);
  const picture = encode({ width, height, rgba: Uint8Array.from(Buffer.from(pixels, "base64")) });
  if (picture.length > largest) throw new Error(`${name} has ${picture.length} bytes, of at most ${largest}`);
  writeFileSync(join(folder, name), picture);
  await page.context().close();
}
