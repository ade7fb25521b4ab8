import { path, type Item, type ItemFormat, type Preview } from '../api';
import { bytes } from './format';
import { useBackend } from './context';
import { JsonTree } from './JsonTree';
import { ErrorNotice, Loading } from './notices';
import { MimeBundle, OutputsView, TerminalText } from './OutputsView';
import { Picture } from './Picture';
import { useResource } from './resource';
import { TablePreview } from './TablePreview';
import { SourceView } from './SourceView';

/** Address of the readable part of an item. */
export function previewPath(snapshot: string, item: string): string {
  return path('snapshots', snapshot, 'items', item, 'preview');
}

/** The readable part of an item: table, text, JSON, picture or outputs; or why there is none. */
export function ItemPreview(props: { snapshot: string; item: Item }): JSX.Element {
  const { snapshot, item } = props;
  const kept = item.reason === '';
  if (!kept) {
    return (
      <p className="etiq-quiet">
        Not kept: {item.reason}. Run the cell again to make it
        {item.summary && ` (it was ${item.summary})`}.
      </p>
    );
  }
  if (item.kind === 'frame' || item.kind === 'series' || item.kind === 'index') {
    return (
      <>
        <TablePreview snapshot={snapshot} item={item} />
        <Downloads snapshot={snapshot} item={item} />
      </>
    );
  }
  return <Loaded snapshot={snapshot} item={item} />;
}

function Loaded({ snapshot, item }: { snapshot: string; item: Item }): JSX.Element {
  const preview = useResource<Preview>(previewPath(snapshot, item.name));
  if (preview.error !== undefined) {
    return <ErrorNotice error={preview.error} onRetry={preview.reload} />;
  }
  if (preview.data === undefined) {
    return <Loading what={item.name} />;
  }
  return (
    <>
      {preview.data.form === 'table' ? (
        <TablePreview snapshot={snapshot} item={item} />
      ) : (
        <PreviewBody preview={preview.data} item={item} />
      )}
      <Downloads snapshot={snapshot} item={item} />
    </>
  );
}

/** A preview that is no table. */
export function PreviewBody({ preview, item }: { preview: Preview; item: Item }): JSX.Element {
  const cut = preview.truncated && (
    <p className="etiq-quiet">Only the beginning is shown; the whole has {bytes(item.size)}.</p>
  );
  switch (preview.form) {
    case 'picture':
      return <Picture mime={preview.mime} data={preview.data} name={item.name} />;
    case 'mime':
      return <MimeBundle bundle={{ [preview.mime]: preview.data }} title={item.name} />;
    case 'outputs':
      return (
        <>
          <OutputsView outputs={preview.data} />
          {cut}
        </>
      );
    case 'json':
      return (
        <>
          <JsonTree value={preview.data} name={item.name} />
          {cut}
        </>
      );
    case 'text':
      return (
        <>
          {item.kind === 'code' ? (
            <SourceView source={preview.text} />
          ) : (
            <TerminalText text={preview.text} />
          )}
          {cut}
        </>
      );
    default:
      return (
        <p className="etiq-quiet">
          {preview.reason || `${item.type} has no preview`}
          {item.summary && `: ${item.summary}`}
        </p>
      );
  }
}

/** A file that stock tools read, and what people call it. */
type File = readonly [format: ItemFormat, label: string];

const TABLE: readonly File[] = [
  ['parquet', 'Parquet'],
  ['csv', 'CSV']
];
const PNG: readonly File[] = [['png', 'PNG']];
const JSON_FILE: readonly File[] = [['json', 'JSON']];
const SAFETENSORS: readonly File[] = [['safetensors', 'safetensors']];
const BY_CODEC: Readonly<Record<string, readonly File[]>> = {
  'numpy.array': [['raw', 'npy']],
  picture: PNG,
  'picture.pixels': PNG,
  'matplotlib.figure': PNG,
  'plotly.figure': JSON_FILE,
  'altair.chart': JSON_FILE,
  plain: JSON_FILE,
  source: [['raw', 'Python']],
  'torch.tensor': SAFETENSORS,
  'torch.module': SAFETENSORS
};

/** The plain files that an item can be had as, the most useful first. */
function files(item: Item): readonly File[] {
  if (item.kind === 'frame' || item.kind === 'series' || item.kind === 'index') {
    return TABLE;
  }
  // A number is read off the page; the format of tensors has no double complex ones.
  if (item.kind === 'number' || item.detail.dtype === 'complex128') {
    return item.codec === 'numpy.array' ? (BY_CODEC[item.codec] ?? []) : [];
  }
  return BY_CODEC[item.codec] ?? [];
}

/** Links to the item as plain files, where the backend has addresses for them. */
function Downloads({ snapshot, item }: { snapshot: string; item: Item }): JSX.Element | null {
  const backend = useBackend();
  const links = files(item).flatMap(([format, label]) => {
    const address = backend.itemUrl?.(snapshot, item.name, format) ?? null;
    return address === null ? [] : [{ label, address }];
  });
  if (!backend.capabilities.downloads || links.length === 0) {
    return null;
  }
  return (
    <p className="etiq-downloads">
      {links.map(({ label, address }) => (
        <a key={label} className="etiq-link" href={address} download>
          Download {label}
        </a>
      ))}
    </p>
  );
}

/** One line about an item: its summary and size. */
export function itemFacts(item: Item): string {
  return [item.summary, item.size > 0 ? bytes(item.size) : ''].filter(Boolean).join('  ');
}
