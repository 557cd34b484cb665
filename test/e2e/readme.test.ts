// Runs the commands of README.md as they are printed, and those that operate and stop the cloud.
// The other documents: `./cobalt test test/documents`.
import { documentsRun } from '../documents/run-documents.testing.ts';

documentsRun('the commands of README.md, as printed', ['README.md', 'operate.md'], 1);
