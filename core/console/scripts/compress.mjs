// Puts a .gz beside every text file of the build; the server sends it to browsers that take gzip.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));
for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !['.js', '.css', '.html', '.svg'].includes(extname(entry.name))) continue;
  const path = join(entry.parentPath, entry.name);
  const text = readFileSync(path);
  const packed = gzipSync(text, { level: 9 });
  if (packed.length < text.length * 0.9) writeFileSync(`${path}.gz`, packed);
}
