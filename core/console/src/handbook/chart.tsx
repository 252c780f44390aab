import type { HandbookChart } from '../api/types';

/** Shrunk further, nobody could read a chart: it is scrolled. */
const readable = 780;

const points = (all: number[][]) => all.map((point) => point.join(',')).join(' ');

function Arrow({ at: [x = 0, y = 0], leftwards = false }: { at: number[]; leftwards?: boolean }) {
  const back = x + (leftwards ? 8 : -8);
  return <polygon className="flow-head" points={points([[x, y], [back, y - 4], [back, y + 4]])} />;
}

/** A flow chart where the server has laid it out; what it shows stands beside it in words. */
export function Chart({ chart }: { chart: HandbookChart }) {
  const [startX = 0, startY = 0] = chart.start;
  return (
    // What can be scrolled must be reached with the keyboard, too.
    <div className="handbook-scroll" tabIndex={0} role="group" aria-label={chart.title}>
      <svg className="flow" style={{ minWidth: Math.min(chart.width, readable) }} role="img" aria-label={chart.title} width={chart.width} height={chart.height} viewBox={`0 0 ${chart.width} ${chart.height}`}>
        {chart.edges.map((edge, index) => {
          const end = edge.points.at(-1) ?? [0, 0];
          const before = edge.points.at(-2) ?? end;
          return (
            <g key={index}>
              <polyline className={edge.dashed ? 'flow-dashed' : undefined} points={points(edge.points)} />
              <Arrow at={end} leftwards={(before[0] ?? 0) > (end[0] ?? 0)} />
            </g>
          );
        })}
        {chart.nodes.map((node) => {
          const top = node.y + (node.height - 16 * node.lines.length - 14) / 2 + 13;
          const middle = node.x + node.width / 2;
          return (
            <g key={node.id}>
              {node.initial && (
                <>
                  <circle className="flow-head" cx={startX} cy={startY} r={5} />
                  <polyline points={points([[startX, startY], [node.x, startY]])} />
                  <Arrow at={[node.x, startY]} />
                </>
              )}
              <rect className={`flow-${node.category}`} x={node.x} y={node.y} width={node.width} height={node.height} rx={7} />
              {node.lines.map((line, index) => (
                <text key={index} x={middle} y={top + 16 * index} textAnchor="middle" lang={node.language ?? undefined}>
                  {line}
                </text>
              ))}
              <text className="flow-category" x={middle} y={top + 16 * node.lines.length} textAnchor="middle">
                {node.category_label}
              </text>
            </g>
          );
        })}
        {chart.edges.map((edge, index) =>
          edge.lines.map((line, number) => (
            <text key={`${index}.${number}`} className="flow-step" x={edge.label_x} y={edge.label_y - 13 * (edge.lines.length - 1 - number)}>
              {line}
            </text>
          )),
        )}
      </svg>
    </div>
  );
}
