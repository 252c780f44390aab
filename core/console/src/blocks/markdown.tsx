import Markdown, { type Components } from 'react-markdown';
import { Link } from 'react-router';

/** Links within the console open in place, others in a tab of their own. */
const components: Components = {
  a: ({ href, children }) =>
    href?.startsWith('/') && !href.startsWith('//') ? (
      <Link to={href}>{children}</Link>
    ) : (
      <a href={href} target="_blank" rel="noopener noreferrer">
        {children}
      </a>
    ),
  // The page has the first heading, the block the second.
  h1: ({ children }) => <h3>{children}</h3>,
  h2: ({ children }) => <h3>{children}</h3>,
  h3: ({ children }) => <h4>{children}</h4>,
  h4: ({ children }) => <h5>{children}</h5>,
};

/** Text of a definition. HTML in it is shown as text; images are left out, for they could tell others who reads. */
export default function MarkdownText({ text }: { text: string }) {
  return (
    <div className="markdown">
      <Markdown components={components} disallowedElements={['img']}>
        {text}
      </Markdown>
    </div>
  );
}
