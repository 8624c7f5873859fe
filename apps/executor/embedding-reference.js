// The embedding of README.md in JavaScript, written from its text and not from the Python, to compare the two:
//   node embedding-reference.js embedding-vectors.json     (exit status 0 when all three vectors agree)
// Where require('crypto') is not allowed, hand `millionths` another SHA-256 (bytes in, array of 32 bytes out).
'use strict';

function fold(c) {
  if ((c >= 0x41 && c <= 0x5a) || (c >= 0xc0 && c <= 0xde && c !== 0xd7)) return c + 32;
  if ((c >= 0x391 && c <= 0x3a9) || (c >= 0x410 && c <= 0x42f)) return c + 32;
  return c >= 0x400 && c <= 0x40f ? c + 80 : c;
}

function separates(c) {
  if (c < 0x80) return !((c >= 0x30 && c <= 0x39) || (c >= 0x61 && c <= 0x7a));
  if (c < 0xc0) return c !== 0xaa && c !== 0xb5 && c !== 0xba;
  return c === 0xd7 || c === 0xf7 || c === 0x1680 || (c >= 0x2000 && c <= 0x206f) || (c >= 0x3000 && c <= 0x303f);
}

function words(text) {
  const found = [[]];
  for (const char of text.normalize('NFC')) {
    const code = fold(char.codePointAt(0));
    if (separates(code)) found.push([]);
    else found[found.length - 1].push(String.fromCodePoint(code));
  }
  return found.filter((word) => word.length);
}

function millionths(text, sha256) {
  const counts = new Array(384).fill(0);
  const add = (feature, weight) => {
    const d = sha256(feature);
    const index = (((d[0] * 256 + d[1]) * 256 + d[2]) * 256 + d[3]) % 384;
    counts[index] += d[4] % 2 === 0 ? weight : -weight;
  };
  const all = words(text);
  all.forEach((word) => add('w:' + word.join(''), 4));
  all.slice(1).forEach((word, i) => add('b:' + all[i].join('') + ' ' + word.join(''), 2));
  for (const word of all) {
    const padded = ['<', ...word, '>'];
    for (const size of [3, 4]) {
      for (let start = 0; start + size <= padded.length; start++) add('c:' + padded.slice(start, start + size).join(''), 1);
    }
  }
  if (counts.every((count) => count === 0)) add('e:', 1);
  const norm = Math.sqrt(counts.reduce((sum, count) => sum + count * count, 0));
  return counts.map((count) => (count < 0 ? -1 : 1) * Math.floor((Math.abs(count) * 1000000) / norm + 0.5));
}

if (typeof module !== 'undefined') module.exports = { millionths, words };

if (typeof require !== 'undefined' && require.main === module) {
  const sha256 = (data) => require('crypto').createHash('sha256').update(data, 'utf8').digest();
  const hex = (data) => sha256(data).toString('hex');
  const { vectors } = JSON.parse(require('fs').readFileSync(process.argv[2], 'utf8'));
  const different = vectors.filter(({ text, sha256: wanted }) => hex(millionths(text, sha256).join(',')) !== wanted);
  console.log(`${vectors.length - different.length} of ${vectors.length} agree`);
  process.exit(different.length ? 1 : 0);
}
