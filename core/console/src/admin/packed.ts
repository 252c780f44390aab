/** What a spreadsheet may unpack to: a browser's tab holds it several times over. */
export const mostUnpacked = 300 * 2 ** 20;

const endOfDirectory = 0x06054b50;
const entryOfDirectory = 0x02014b50;

export const bytesOf = (part: Blob) =>
  new Promise<ArrayBuffer>((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as ArrayBuffer);
    reader.onerror = () => reject(reader.error ?? new Error('unreadable'));
    reader.readAsArrayBuffer(part);
  });

/** How many bytes a ZIP file (an XLSX file is one) says that it unpacks to; undefined where it is none. Reads its directory only. */
export async function unpackedSize(file: Blob): Promise<number | undefined> {
  const read = async (from: number, to: number) => new DataView(await bytesOf(file.slice(from, to)));
  // The directory's end is the file's, but for a comment of up to 64 KiB.
  const tail = await read(Math.max(0, file.size - 22 - 0xffff), file.size);
  let end = tail.byteLength - 22;
  while (end >= 0 && tail.getUint32(end, true) !== endOfDirectory) end -= 1;
  if (end < 0) return undefined;
  const from = tail.getUint32(end + 16, true);
  const directory = await read(from, from + tail.getUint32(end + 12, true));
  let size = 0;
  for (let at = 0; at + 46 <= directory.byteLength && directory.getUint32(at, true) === entryOfDirectory; ) {
    size += directory.getUint32(at + 24, true);
    at += 46 + directory.getUint16(at + 28, true) + directory.getUint16(at + 30, true) + directory.getUint16(at + 32, true);
  }
  return size;
}
