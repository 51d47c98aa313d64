// Draws Markdown files as GitHub shows them: node render.mjs [--open] [--bare] [--width 860] IN.md OUT.png …
//
// --open    unfolds every <details>, to look at all of it
// --bare    without the frame of a comment
// GitHub's own renderer is not to be had: marked reads GFM, breaks lines where a comment does, and mermaid draws.
import { readFile, writeFile, mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { marked } from 'marked';
import { chromium } from 'playwright-core';

const require = createRequire(import.meta.url);
const packageFile = (name, path) => join(dirname(require.resolve(`${name}/package.json`)), path);

const { values: options, positionals: files } = parseArgs({
  options: {
    open: { type: 'boolean', default: false },
    bare: { type: 'boolean', default: false },
    dark: { type: 'boolean', default: false },
    width: { type: 'string', default: '860' },
    scale: { type: 'string', default: '1.5' },
    author: { type: 'string', default: 'github-actions' },
    browser: { type: 'string', default: process.env.CHROMIUM ?? '/usr/bin/chromium' },
  },
  allowPositionals: true,
});
if (files.length === 0 || files.length % 2 !== 0) {
  console.error('render: give pairs of a Markdown file and the picture to make of it');
  process.exit(2);
}

const isMermaid = (token) => token.lang === 'mermaid';
marked.use({
  gfm: true,
  breaks: !options.bare,
  renderer: {
    code(token) {
      const escaped = token.text.replace(/&/g, '&amp;').replace(/</g, '&lt;');
      return isMermaid(token) ? `<pre class="mermaid">${escaped}</pre>\n` : false;
    },
  },
});

const theme = options.dark ? 'dark' : 'light';
const css = await readFile(packageFile('github-markdown-css', `github-markdown-${theme}.css`), 'utf8');
const line = options.dark ? '#3d444d' : '#d1d9e0';
const head = options.dark ? '#151b23' : '#f6f8fa';
const frame = `
  body { margin: 0; padding: 16px; width: ${options.width}px; box-sizing: border-box; background: ${options.dark ? '#0d1117' : '#fff'}; }
  .comment { border: 1px solid ${line}; border-radius: 6px; overflow: hidden; }
  .comment > header { font: 14px "Noto Sans", Helvetica, Arial, sans-serif; padding: 8px 16px; background: ${head};
    border-bottom: 1px solid ${line}; color: ${options.dark ? '#9198a1' : '#59636e'}; }
  .comment > header b { color: ${options.dark ? '#f0f6fc' : '#1f2328'}; }
  .comment > header span { border: 1px solid ${line}; border-radius: 2em; padding: 0 7px; font-size: 12px; margin: 0 2px; }
  .comment > article { padding: 16px; font-size: 14px; }
  pre.mermaid { background: none !important; text-align: center; padding: 0 !important; }
`;

function page(markdown) {
  const article = `<article class="markdown-body">${marked.parse(markdown)}</article>`;
  const header = `<header><b>${options.author}</b> <span>bot</span> commented</header>`;
  const body = options.bare ? article : `<section class="comment">${header}${article}</section>`;
  return `<!doctype html><html><meta charset="utf-8"><style>${css}${frame}</style><body>${body}</body></html>`;
}

const profile = await mkdtemp(join(tmpdir(), 'render-markdown-'));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: options.browser,
  headless: true,
  deviceScaleFactor: Number(options.scale),
  viewport: { width: Number(options.width), height: 600 },
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});
let broken = false;
try {
  for (let index = 0; index < files.length; index += 2) {
    const tab = await browser.newPage();
    await tab.setContent(page(await readFile(files[index], 'utf8')));
    if (options.open) {
      await tab.evaluate(() => document.querySelectorAll('details').forEach((each) => { each.open = true; }));
    }
    // a chart inside closed <details> has no size: it is opened for drawing, and closed again
    await tab.addScriptTag({ path: packageFile('mermaid', 'dist/mermaid.min.js') });
    const errors = await tab.evaluate(async (theme) => {
      const closed = [...document.querySelectorAll('details:not([open])')];
      closed.forEach((each) => { each.open = true; });
      mermaid.initialize({ startOnLoad: false, theme });
      const found = [];
      for (const node of document.querySelectorAll('pre.mermaid')) {
        try { await mermaid.run({ nodes: [node] }); } catch (error) { found.push(String(error.message ?? error)); }
      }
      closed.forEach((each) => { each.open = false; });
      return found;
    }, options.dark ? 'dark' : 'default');
    for (const error of errors) {
      console.error(`render: ${files[index]}: mermaid: ${error}`);
      broken = true;
    }
    const picture = await tab.locator('body').screenshot();
    await writeFile(files[index + 1], picture);
    await tab.close();
  }
} finally {
  await browser.close();
  await rm(profile, { recursive: true, force: true });
}
process.exit(broken ? 1 : 0);
