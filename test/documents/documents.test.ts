// Runs the commands of README.md and docs/how-to as printed, twice in a row, against a real cloud.
// Takes 9 to 20 minutes: `./cobalt test test/documents`.
import { documentsInOrder } from './commands-of-documents.ts';
import { documentsRun } from './run-documents.testing.ts';

documentsRun('the commands of the documents, as printed, twice', documentsInOrder, 2);
