/** The components that JupyterLab's sidebar and the dashboard share. They know only `Backend`. */

export type * from './props';
export { Boundary } from './Boundary';
export { Histogram, LineChart, Sparkline, type ChartPoint } from './charts';
export { CompareView } from './CompareView';
export { PlaceLink, UiProvider, useBackend, useEvents, useNavigation } from './context';
export { Confirm, Dialog, Menu, moveAmong, Section } from './controls';
export { FilterBox } from './FilterBox';
export * as format from './format';
export { ItemPreview } from './ItemPreview';
export { shownMetrics, snapshotAddress, snapshotId, snapshotTitle } from './naming';
export { IssuedTokenBox, NewToken, tokenConfig } from './NewToken';
export { CodeToCopy, CopyButton, EmptyState, ErrorNotice, Loading, sentence } from './notices';
export { PipelineGraph } from './PipelineGraph';
export { ProjectPicker } from './ProjectPicker';
export { sendable } from './query';
export { RelativeTime, useNow } from './RelativeTime';
export { forgetAnswers, useAction, usePages, useResource, useSettled } from './resource';
export { saveFile } from './saveFile';
export {
  MarkBar,
  MoreButton,
  QueryFault,
  SnapshotList,
  useKnown,
  useMarks,
  useReloadOnSnapshots,
  type Marks
} from './SnapshotList';
export { SnapshotView } from './SnapshotView';
export { StateDot } from './StateDot';
export { stateWord, StatusLine } from './StatusLine';
export { TokenTable } from './TokenTable';
