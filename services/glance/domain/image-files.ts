// Compares images with the files in the image store, for the audit.

export interface ImageFile {
  key: string;
  sizeBytes: number;
  whole: boolean;
}

export interface ImageData {
  id: string;
  status: string;
  sizeBytes: number | null;
  dataKey: string | null;
  /** An upload is running, so the file may be incomplete. */
  uploading: boolean;
}

/** One text per difference, for operators. Running uploads are no difference. */
export function differences(images: readonly ImageData[], files: readonly ImageFile[]): string[] {
  const unclaimed = new Map(files.map((file) => [file.key, file]));
  const problems: string[] = [];
  for (const { id, status, sizeBytes, dataKey, uploading } of images) {
    const file = unclaimed.get(dataKey ?? '');
    unclaimed.delete(dataKey ?? '');
    if (uploading) continue;
    if (!file?.whole)
      problems.push(`image ${id} is ${status}, but its data ${dataKey} is not in the store`);
    else if (file.sizeBytes !== sizeBytes)
      problems.push(
        `image ${id} has ${sizeBytes} bytes, its data ${dataKey} has ${file.sizeBytes}`,
      );
  }
  for (const { key, sizeBytes } of unclaimed.values())
    problems.push(`the store holds ${key} (${sizeBytes} bytes), which no image needs`);
  return problems;
}
