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
let screen = "", operators = "", entra = "";
for await (const text of dev.stdout.setEncoding("utf8")) {
  screen += text;
  const [, url] = /playground +(\S+)\/\n/.exec(screen) ?? [];
  if (url && screen.includes("HASURA_GRAPHQL_JWT_SECRET")) {
    process.env.PLAYGROUND = url;
    [, operators] = /console +(\S+) /.exec(screen);
    [, entra] = /fake tenant +(\S+)\n/.exec(screen);
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
  await take("console.png", { width: 1160, height: 900, url: operators, until: (page) => page.getByLabel("Token").waitFor() }, operated);
} finally {
  await browser.close();
  dev.kill();
  await once(dev, "exit");
}

/** Has exchanges end in several ways, signs in, and says what of the console is in the picture. */
async function operated(page) {
  const tokenOf = async (persona) => (await fetch(`${entra}/personas/${persona}/token`)).text();
  const type = "urn:ietf:params:oauth:token-type:access_token";
  for (const [persona, scope] of [["editor", ""], ["reader", ""], ["reader", "editor"], ["nobody", ""], ["nobody", ""], ["daemon", ""]]) {
    const form = { grant_type: "urn:ietf:params:oauth:grant-type:token-exchange", subject_token_type: type, subject_token: await tokenOf(persona), ...(scope ? { scope } : {}) };
    await fetch(`${process.env.PLAYGROUND}/oauth2/token`, { method: "POST", body: new URLSearchParams(form) });
  }
  await page.getByLabel("Token").fill(await tokenOf("operator"));
  await page.keyboard.press("Enter");
  await page.locator("#exchanges table").waitFor();
  await page.getByRole("img", { name: /Key 3 signs/ }).waitFor();
  const bottom = await page.locator("#exchanges").evaluate((panel) => Math.round(panel.getBoundingClientRect().bottom + scrollY));
  return { x: 0, y: 0, width: 1160, height: bottom + 20 };
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
