import { createContext, use } from 'react';
import { Link } from 'react-router';
import type { HandbookBlock, HandbookLine, HandbookSection, HandbookTable } from '../api/types';
import { Chart } from './chart';
import { partPath } from './parts';

/** Which part each section stands in: where links lead. */
export const PartsContext = createContext<Map<string, string>>(new Map());

/** A line of text; `plain`: inside a link, so without links of its own. */
export function Line({ line, plain = false }: { line: HandbookLine; plain?: boolean }) {
  const parts = use(PartsContext);
  return line.map((span, index) => {
    const part = span.kind === 'link' && !plain && span.to ? parts.get(span.to) : undefined;
    const body =
      span.kind === 'strong' ? <strong>{span.text}</strong>
      : span.kind === 'code' ? <code>{span.text}</code>
      : span.kind === 'place' ? <span className="handbook-place">{span.text}</span>
      : span.kind === 'category' ? <span className={`handbook-tag handbook-${span.to}`}>{span.text}</span>
      : part && span.to ? <Link to={partPath(part, span.to)}>{span.text}</Link>
      : span.text;
    return span.language ? (
      <span key={index} lang={span.language} className="handbook-foreign">
        {body}
        <sup>{span.language}</sup>
      </span>
    ) : (
      <span key={index}>{body}</span>
    );
  });
}

function List({ lines }: { lines: HandbookLine[] }) {
  return (
    <ul>
      {lines.map((line, index) => (
        <li key={index}>
          <Line line={line} />
        </li>
      ))}
    </ul>
  );
}

function Table({ table }: { table: HandbookTable }) {
  return (
    <div className="handbook-scroll">
      <table>
        {table.caption && <caption>{table.caption}</caption>}
        <thead>
          <tr>
            {table.head.map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, index) => (
            <tr key={index}>
              {row.map((cell, column) => (
                <td key={column}>
                  {cell.map((line, number) => (
                    <p key={number}>
                      <Line line={line} />
                    </p>
                  ))}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Block({ block, inWords }: { block: HandbookBlock; inWords: string }) {
  if (block.table) return <Table table={block.table} />;
  if (block.kind === 'list') return <List lines={block.lines} />;
  if (block.chart) {
    const drawn = block.chart.width > 0;
    return (
      <figure>
        {drawn && <Chart chart={block.chart} />}
        <details open={!drawn}>
          <summary>{inWords}</summary>
          <List lines={block.lines} />
        </details>
      </figure>
    );
  }
  return block.lines.map((line, index) => (
    <p key={index}>
      <Line line={line} />
    </p>
  ));
}

/** A section with all below it. */
export function Section({ section, level, inWords }: { section: HandbookSection; level: number; inWords: string }) {
  const Heading = `h${Math.min(level, 6)}` as 'h2';
  return (
    <section aria-labelledby={level === 2 ? section.id : undefined}>
      <Heading id={section.id}>
        <Line line={section.title} /> {section.name && <code>{section.name}</code>}
      </Heading>
      {section.blocks.map((block, index) => (
        <Block key={index} block={block} inWords={inWords} />
      ))}
      {section.sections.map((one) => (
        <Section key={one.id} section={one} level={level + 1} inWords={inWords} />
      ))}
    </section>
  );
}
