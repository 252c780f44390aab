/** The value that JSON means; undefined where it is none. */
export function parseJson(text: string): unknown {
  try {
    return text ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}

interface Body {
  /** Nothing was sent. */
  empty: boolean;
  /** Undefined where it is no JSON. */
  value: unknown;
}

const read = new WeakMap<Response, Promise<Body>>();

/** What the answer says, read once however many ask for it; rejects where it did not arrive whole. */
export function bodyOf(response: Response): Promise<Body> {
  let body = read.get(response);
  if (!body) {
    body = response.text().then((text) => ({ empty: text === '', value: parseJson(text) }));
    read.set(response, body);
  }
  return body;
}
