/** What every page begins with is asked for before the code that reads it has come; each answer is taken once. */
const asked = new Map<string, Promise<Response>>();

/** What was asked for longer ago is asked for again, in milliseconds. */
const longest = 10_000;

const key = (path: string, language: string) => `${language} ${path}`;

export function askEarly(path: string, language: string): Promise<Response> {
  const answer = fetch(path, { headers: { Accept: 'application/json', 'Accept-Language': language }, credentials: 'same-origin' });
  asked.set(key(path, language), answer);
  setTimeout(() => asked.delete(key(path, language)), longest);
  answer.catch(() => asked.delete(key(path, language)));
  return answer;
}

/** The answer that was asked for in that language; undefined where none was, or it has been taken. */
export function takeEarly(path: string, language: string): Promise<Response> | undefined {
  const answer = asked.get(key(path, language));
  asked.delete(key(path, language));
  return answer;
}
