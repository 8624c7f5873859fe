// Runs in n8n's image: prints each node of n8n's own packages whose source, or what that requires of those packages, holds a way to run what
// a user wrote: another realm, a task runner, a program, a shell elsewhere.
'use strict';

const fs = require('node:fs');
const { createRequire } = require('node:module');
const path = require('node:path');

const program = process.env.PATH.split(':').map((folder) => path.join(folder, 'n8n')).find((file) => fs.existsSync(file));
const n8n = createRequire(fs.realpathSync(program));
const WAYS = /\b(?:require|import)\(["'](?:node:)?(vm|vm2|child_process|worker_threads|isolated-vm|quickjs[\w-]*|@n8n\/[\w-]*sandbox[\w-]*|node-ssh|ssh2|simple-git)["']\)|\b(JsTaskRunnerSandbox|PythonTaskRunnerSandbox)\b|(\bnew Function\(|[^.\w]eval\()/g;
const seen = new Map();

// What one file holds itself, and which files of the packages it requires.
function read(file) {
  if (!seen.has(file)) {
    const text = fs.readFileSync(file, 'utf8');
    const own = [...text.matchAll(WAYS)].map((match) => match[1] ?? match[2] ?? match[3]);
    const needs = [...text.matchAll(/\brequire\(["']((?:\.{1,2}\/|n8n-nodes-base\/|@n8n\/n8n-nodes-langchain\/)[^"']*)["']\)/g)].map((match) => match[1]);
    const files = needs.flatMap((name) => {
      try {
        return [createRequire(file).resolve(name)];
      } catch {
        return [];
      }
    });
    seen.set(file, { own, files: files.filter((name) => name.endsWith('.js')) });
  }
  return seen.get(file);
}

function ways(start) {
  const found = new Set();
  const done = new Set([start]);
  for (const file of done) {
    const { own, files } = read(file);
    own.forEach((way) => found.add(way));
    files.forEach((name) => done.add(name));
  }
  return [...found].sort();
}

const nodes = {};
for (const name of ['n8n-nodes-base', '@n8n/n8n-nodes-langchain']) {
  const home = path.dirname(fs.realpathSync(n8n.resolve(`${name}/package.json`)));
  const known = JSON.parse(fs.readFileSync(path.join(home, 'dist/known/nodes.json'), 'utf8'));
  for (const [node, { sourcePath }] of Object.entries(known)) nodes[`${name}.${node}`] = ways(path.join(home, sourcePath));
}
console.log(JSON.stringify(nodes));
