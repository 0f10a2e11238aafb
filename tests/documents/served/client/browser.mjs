// Drives a browser as a test says: a command of JSON a line comes in, and its answer goes out.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [modules, executablePath, profile] = process.argv.slice(2);
const { chromium } = createRequire(`${modules}/`)("playwright-core");
const context = await chromium.launchPersistentContext(profile, {
  executablePath,
  headless: true,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
  viewport: { width: 900, height: 700 },
});
const page = context.pages()[0];
const errors = [];
page.on("pageerror", (error) => errors.push(String(error)));

const commands = {
  goto: (url) => page.goto(url).then(() => null),
  evaluate: (code) => page.evaluate(code),
  click: (selector) => page.click(selector).then(() => null),
  screenshot: (path) => page.screenshot({ path }).then(() => null),
  errors: () => errors,
  /** Wait until the texts of what a selector finds are those; return what they are at last. */
  async texts([selector, wanted]) {
    const texts = () => page.locator(selector).allTextContents();
    const same = ([selector, wanted]) =>
      JSON.stringify([...document.querySelectorAll(selector)].map((each) => each.textContent)) === wanted;
    await page.waitForFunction(same, [selector, JSON.stringify(wanted)], { timeout: 20_000 }).catch(() => null);
    return texts();
  },
};

console.log(JSON.stringify("ready"));
for await (const line of createInterface({ input: process.stdin })) {
  const [name, argument] = JSON.parse(line);
  try {
    console.log(JSON.stringify({ answer: (await commands[name](argument)) ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
  }
}
await context.close();
